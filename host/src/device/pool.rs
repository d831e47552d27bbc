//! Equal devices that share their work: one job at a time on each. A device that is lost leaves its job to the others.

mod sharing;

use edgefit_protocol::device::DeviceDescription;
use edgefit_protocol::runtime::{RuntimeDescription, RuntimeName};
use sha2::{Digest, Sha256};

use sharing::share;

use super::{Device, DeviceError, DeviceInfo, MeasureRequest, Measurement};
use crate::error::{Error, ErrorKind, Result};

/// A model as the bytes of an ONNX file, and how it is measured.
pub type PoolJob<'a> = (&'a [u8], &'a MeasureRequest);

/// Devices of one kind; at least one.
pub struct Pool {
    devices: Vec<Device>,
    info: DeviceInfo,
}

impl Pool {
    /// A pool of one.
    pub fn of(device: Device) -> Self {
        Self { info: device.info().clone(), devices: vec![device] }
    }

    /// A pool of several, which goes by one name.
    ///
    /// # Errors
    /// When there is none, or they are not of one kind.
    pub fn of_equals(name: &str, devices: Vec<Device>) -> Result<Self> {
        let wrong = |message: String| Error::new(ErrorKind::Usage, format!("pool {name}: {message}"));
        let first = devices.first().ok_or_else(|| wrong("it has no device".to_owned()))?.info().clone();
        let kind = kind(&first.description);
        if let Some(other) = devices.iter().find(|device| self::kind(&device.info().description) != kind) {
            let (a, b) = (&first.url, &other.info().url);
            return Err(wrong(format!("{a} and {b} are not of one kind; a pool is of equal boards")));
        }
        let id: String =
            Sha256::digest(format!("edgefit pool {kind}")).iter().take(6).map(|b| format!("{b:02x}")).collect();
        let description = DeviceDescription { id, ..first.description };
        Ok(Self {
            info: DeviceInfo { url: format!("pool of {} by {name}", devices.len()), description, ..first },
            devices,
        })
    }

    /// What is known of the devices. A pool of several has an identity of its own, that of its kind.
    pub fn info(&self) -> &DeviceInfo {
        &self.info
    }

    /// A device for work that is done on one.
    pub fn first(&mut self) -> &mut Device {
        &mut self.devices[0]
    }

    /// Number of devices that are not lost.
    pub fn count(&self) -> usize {
        self.devices.len()
    }

    /// Whether a runtime is usable on every device, in one version.
    ///
    /// # Errors
    /// When it is not.
    pub fn probe(&mut self, runtime: RuntimeName) -> Result<RuntimeDescription> {
        let mut found: Option<RuntimeDescription> = None;
        for device in &mut self.devices {
            let here = device.probe(runtime, None)?;
            if let Some(other) = found.as_ref().filter(|other| other.version != here.version) {
                let (url, here, there) = (&device.info().url, &here.version, &other.version);
                let message = format!(
                    "{url} has {runtime} {here}, and another device of its pool {there}; let all have one version"
                );
                return Err(Error::new(ErrorKind::Runtime, message));
            }
            found = Some(here);
        }
        found.ok_or_else(|| Error::new(ErrorKind::Internal, "a pool without devices"))
    }

    /// Measures models side by side; the results are in the order of the jobs. A lost device is told to `lost`, and its job goes to
    /// another; the last device stays in the pool, lost or not.
    pub fn measure_all(
        &mut self,
        jobs: &[PoolJob<'_>],
        lost: &mut dyn FnMut(&DeviceError),
    ) -> Vec<std::result::Result<Measurement, DeviceError>> {
        let devices = std::mem::take(&mut self.devices);
        let work = |device: &mut Device, job: usize| device.measure(jobs[job].0, jobs[job].1);
        let (left, results) = share(devices, jobs.len(), work, DeviceError::is_lost, lost);
        self.devices = left;
        results
    }
}

/// What makes devices equal: architecture, board, chip, and cores.
fn kind(description: &DeviceDescription) -> String {
    let DeviceDescription { arch, os, abi, board, soc, cores, emulator, .. } = description;
    format!("{arch} {os} {abi} {board:?} {soc:?} {} {emulator:?}", cores.len())
}
