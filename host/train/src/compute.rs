//! What trainings compute on: the processor with the kernels of this crate, or a GPU with burn's own operations.

use std::sync::OnceLock;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::network::Operations;

/// What a training computes on. GPUs are in builds with the cargo feature of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compute {
    /// The processor: a thread for each training, and for one that is alone those that are idle.
    #[default]
    Cpu,
    /// A GPU by Vulkan, Metal or DirectX 12.
    Wgpu,
    /// A GPU by CUDA.
    Cuda,
}

/// A device as it was opened, once in a process, or why it could not be.
type Opened = OnceLock<Result<Device, String>>;

impl Compute {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Cpu, Self::Wgpu, Self::Cuda];

    /// Its name in files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Wgpu => "wgpu",
            Self::Cuda => "cuda",
        }
    }

    /// Makes sure that it is there, before anything is spent.
    ///
    /// # Errors
    /// If this build has no part for it, or the machine has no such GPU.
    pub fn open(self) -> Result<(), TrainError> {
        self.device().map(|_| ())
    }

    pub(crate) fn device(self) -> Result<Device, TrainError> {
        static WGPU: Opened = OnceLock::new();
        static CUDA: Opened = OnceLock::new();
        let opened = match self {
            Self::Cpu => return Ok(Device::flex()),
            Self::Wgpu => WGPU.get_or_init(open_wgpu),
            Self::Cuda => CUDA.get_or_init(open_cuda),
        };
        opened.clone().map_err(|reason| TrainError::Compute { name: self.name(), reason })
    }

    pub(crate) fn operations(self) -> Operations {
        match self {
            Self::Cpu => Operations::Kernels,
            Self::Wgpu | Self::Cuda => Operations::Burn,
        }
    }
}

#[cfg(feature = "wgpu")]
fn open_wgpu() -> Result<Device, String> {
    let found = caught(|| Device::wgpu_options().init().map_err(|e| e.to_string()))?;
    found.map_err(|e| format!("{e}; install a driver for Vulkan, Metal or DirectX 12, or compute on `cpu`"))
}

#[cfg(feature = "cuda")]
fn open_cuda() -> Result<Device, String> {
    let first = caught(|| {
        let device = Device::cuda(0);
        burn::tensor::Tensor::<1>::zeros([1], &device).into_scalar::<f32>();
        device
    });
    first.map_err(|e| format!("{e}; install NVIDIA's driver and CUDA, or compute on `cpu`"))
}

/// The libraries below end in a panic where there is no GPU.
#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn caught<T>(open: impl FnOnce() -> T + std::panic::UnwindSafe) -> Result<T, String> {
    std::panic::catch_unwind(open).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_else(|| "no GPU".to_owned())
    })
}

#[cfg(not(feature = "wgpu"))]
fn open_wgpu() -> Result<Device, String> {
    Err(lacking("wgpu"))
}

#[cfg(not(feature = "cuda"))]
fn open_cuda() -> Result<Device, String> {
    Err(lacking("cuda"))
}

#[cfg(not(all(feature = "wgpu", feature = "cuda")))]
fn lacking(feature: &str) -> String {
    format!("this edgefit was built without it; build one with `cargo build --release --features {feature}`")
}
