//! Equal devices that share their work: one job at a time on each. A device that is lost leaves its job to the others.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use edgefit_protocol::device::DeviceDescription;
use edgefit_protocol::runtime::{RuntimeDescription, RuntimeName};
use sha2::{Digest, Sha256};

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
        let mut measured: Vec<Option<std::result::Result<Measurement, DeviceError>>> =
            jobs.iter().map(|_| None).collect();
        let mut waiting: VecDeque<usize> = (0..jobs.len()).collect();
        // A device that is lost when the others have ended already leaves its job to the next round. Ends: a round answers for all
        // of its jobs, or has lost a device, and the last one is never lost.
        while !waiting.is_empty() {
            waiting = self.round(waiting, jobs, &mut |told| match told {
                Told::Done(job, result) => measured[job] = Some(*result),
                Told::Lost(error) => lost(&error),
            });
        }
        measured.into_iter().map(|result| result.expect("the last device answers for every job that is left")).collect()
    }

    /// Lets every device take jobs until none waits; returns those of devices that were lost at the end of it.
    fn round(&mut self, waiting: VecDeque<usize>, jobs: &[PoolJob<'_>], hear: &mut dyn FnMut(Told)) -> VecDeque<usize> {
        let shared = Shared { queue: Mutex::new(waiting), left: Mutex::new(self.devices.len()) };
        let (sender, results) = mpsc::channel();
        let devices = std::mem::take(&mut self.devices);
        self.devices = thread::scope(|scope| {
            let workers: Vec<_> = devices
                .into_iter()
                .map(|device| {
                    let (shared, sender) = (&shared, sender.clone());
                    scope.spawn(move || shared.work(device, jobs, &sender))
                })
                .collect();
            drop(sender);
            results.into_iter().for_each(hear);
            workers.into_iter().filter_map(|worker| worker.join().ok().flatten()).collect()
        });
        shared.queue.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What makes devices equal: architecture, board, chip, and cores.
fn kind(description: &DeviceDescription) -> String {
    let DeviceDescription { arch, os, abi, board, soc, cores, emulator, .. } = description;
    format!("{arch} {os} {abi} {board:?} {soc:?} {} {emulator:?}", cores.len())
}

/// What a worker tells.
enum Told {
    Done(usize, Box<std::result::Result<Measurement, DeviceError>>),
    Lost(DeviceError),
}

/// What workers share: jobs that are waiting, and the number of devices that are left.
struct Shared {
    queue: Mutex<VecDeque<usize>>,
    left: Mutex<usize>,
}

impl Shared {
    /// Takes jobs until there are none, or the device is lost; returns the device if it stays in the pool.
    fn work(&self, mut device: Device, jobs: &[PoolJob<'_>], tell: &mpsc::Sender<Told>) -> Option<Device> {
        while let Some(job) = self.next() {
            let (model, request) = jobs[job];
            let told = match device.measure(model, request) {
                Err(error) if error.is_lost() && self.may_leave() => {
                    held(&self.queue).push_front(job);
                    let _ = tell.send(Told::Lost(error));
                    return None;
                }
                result => Told::Done(job, Box::new(result)),
            };
            // The receiver lives until every worker has ended.
            let _ = tell.send(told);
        }
        Some(device)
    }

    /// The next job. A function of its own, so that the queue is free again while the job is done.
    fn next(&self) -> Option<usize> {
        held(&self.queue).pop_front()
    }

    /// The last one may not.
    fn may_leave(&self) -> bool {
        let mut left = held(&self.left);
        let may = *left > 1;
        *left -= usize::from(may);
        may
    }
}

/// What a panicked worker held is as good as before: each change of it is a single one.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
