//! ONNX Runtime's library for a device that has none: this machine's copy for the device's kind goes into the device's store, like a
//! model, and is used from there.

use std::{fs, path::PathBuf};

use edgefit_agent::onnx_runtime::{data_folder, installed};
use edgefit_protocol::{error::ErrorKind, runtime::RuntimeName};

use super::{error::DeviceError, handle::Device, request::RunOn};

/// Most libraries that are tried on a device.
const MAX_TRIES: usize = 4;

impl Device {
    /// Asks with the library that is named, or the device's own; when the device has none, with each one that this machine has for
    /// it, the newest first. The one that works is kept for what comes.
    pub(super) fn with_library<T>(
        &mut self,
        run_on: &RunOn,
        mut ask: impl FnMut(&mut Self, &RunOn) -> Result<T, DeviceError>,
    ) -> Result<T, DeviceError> {
        let named = run_on.settings.ort.library.clone();
        let known = named.clone().or_else(|| self.options().library.clone());
        let mut answer = ask(self, &run_on.clone().with_library(known));
        if named.is_some() || run_on.runtime != RuntimeName::Ort || self.info().url == "local" {
            return answer;
        }
        for path in self.libraries().into_iter().take(MAX_TRIES) {
            if !lacks_library(&answer) {
                return answer;
            }
            let bytes = fs::read(&path).map_err(|error| self.unreadable(&path, &error))?;
            let place = self.place(&bytes)?;
            answer = ask(self, &run_on.clone().with_library(Some(place.clone())));
            if answer.is_ok() {
                self.keep_library(place);
            }
        }
        answer.map_err(|error| self.advised(error))
    }

    /// This machine's libraries for the device.
    fn libraries(&self) -> Vec<PathBuf> {
        let target = self.library_target();
        let found = data_folder().map(|data| installed(&data, &target)).unwrap_or_default();
        found.into_iter().map(|library| library.path).collect()
    }

    fn library_target(&self) -> String {
        let description = &self.info().description;
        format!("{}-{}", description.arch, description.os)
    }

    fn unreadable(&self, path: &std::path::Path, error: &std::io::Error) -> DeviceError {
        let message = format!("{}: {error}", path.display());
        self.failed(edgefit_protocol::error::JobError::new(ErrorKind::RuntimeMissing, message))
    }

    /// What to do on this machine about a device that lacks the library.
    fn advised(&self, error: DeviceError) -> DeviceError {
        match error {
            DeviceError::Job { device, mut cause } if cause.kind == ErrorKind::RuntimeMissing => {
                let target = self.library_target();
                cause.message += &format!(
                    "; `edgefit runtime install --target {target}` here gets one, which is sent to the device"
                );
                DeviceError::Job { device, cause }
            }
            error => error,
        }
    }
}

fn lacks_library<T>(answer: &Result<T, DeviceError>) -> bool {
    let kind = answer.as_ref().err().and_then(DeviceError::kind);
    matches!(kind, Some(ErrorKind::RuntimeMissing | ErrorKind::RuntimeTooOld | ErrorKind::RuntimeKnownBad))
}
