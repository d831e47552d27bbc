//! A device: one agent at the other end of a transport, started again when it dies.

use std::{
    fmt::Write,
    thread,
    time::{Duration, Instant},
};

use edgefit_protocol::{
    device::DeviceDescription,
    environment::DeviceState,
    error::{ErrorKind, JobError},
    job::{Inputs, Pass},
    message::{Reply, Sha256},
    report::JobReport,
    runtime::{RuntimeDescription, RuntimeName},
};
use sha2::{Digest, Sha256 as Hasher};

use super::{
    client::{Answer, Client},
    cool_down::CoolDown,
    error::DeviceError,
    line::Line,
    measurement::{Gathered, LatencyRun, Measurement, Provenance},
    outputs::{Collector, OutputsRequest, SampleOutputs},
    pace::Pace,
    request::{Agreement, MeasureRequest, PassStep, RunOn},
    transport::{
        Transport,
        local::{Local, LocalOptions},
    },
};

/// Pause after a process that was disturbed: many disturbances are over by then.
const QUIET_PAUSE: Duration = Duration::from_millis(200);

/// A device that models are measured on.
pub struct Device {
    line: Line,
    options: DeviceOptions,
    info: DeviceInfo,
    pace: Pace,
}

/// How a device is used, whatever is measured on it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DeviceOptions {
    /// What the agent asks for.
    pub token: Option<String>,
    /// How often a job is tried again, each time on a fresh connection, when the device is away or its agent ends; seven
    /// times as often when only the connection is cut.
    pub retries: u32,
    /// ONNX Runtime's library on the device, for jobs that name none.
    pub library: Option<String>,
    /// How cool the device has to be before it is measured.
    pub cool_down: Option<CoolDown>,
}

/// What is known of a device.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceInfo {
    /// URL that it is reached by.
    pub url: String,
    /// Version of its agent.
    pub agent_version: String,
    /// The machine.
    pub description: DeviceDescription,
}

impl Device {
    /// This machine.
    ///
    /// # Errors
    ///
    /// [`DeviceError::Unreachable`] when the agent does not start.
    pub fn local(options: &LocalOptions) -> Result<Self, DeviceError> {
        let transport = Local::new(options)
            .map_err(|cause| DeviceError::Unreachable { device: "local".to_owned(), cause: cause.into() })?;
        Self::connect(Box::new(transport), DeviceOptions { retries: options.retries, ..DeviceOptions::default() })
    }

    /// The device at the other end of a transport.
    ///
    /// # Errors
    ///
    /// [`DeviceError`] when there is no agent of this version, or it refuses.
    pub fn connect(transport: Box<dyn Transport>, options: DeviceOptions) -> Result<Self, DeviceError> {
        let url = transport.url();
        let (line, welcome) = Line::open(transport, options.token.clone(), options.retries)?;
        let info = DeviceInfo { url, agent_version: welcome.agent_version, description: welcome.device };
        Ok(Self { line, options, info, pace: Pace::default() })
    }

    /// What is known of the device.
    pub fn info(&self) -> &DeviceInfo {
        &self.info
    }

    pub(super) fn options(&self) -> &DeviceOptions {
        &self.options
    }

    /// Takes a library on the device for jobs that name none.
    pub(super) fn keep_library(&mut self, path: String) {
        self.options.library = Some(path);
    }

    /// Whether a runtime is usable there, and which version it is.
    ///
    /// # Errors
    ///
    /// [`DeviceError::Job`] says what is missing and how to get it.
    pub fn probe(&mut self, runtime: RuntimeName, library: Option<&str>) -> Result<RuntimeDescription, DeviceError> {
        let run_on = RunOn::new(runtime).with_library(library.map(str::to_owned));
        self.with_library(&run_on, |device, run_on| {
            device.ask(|client| client.probe(runtime, run_on.settings.ort.library.clone()))
        })
    }

    /// How the device is now.
    ///
    /// # Errors
    ///
    /// [`DeviceError::Lost`] when it does not say.
    pub fn state(&mut self) -> Result<DeviceState, DeviceError> {
        self.ask(Client::state)
    }

    /// Measures a model, given as the bytes of an ONNX file.
    ///
    /// # Errors
    ///
    /// [`DeviceError::Job`] when a pass failed, [`DeviceError::Lost`] when the device did not
    /// survive it.
    pub fn measure(&mut self, model: &[u8], request: &MeasureRequest) -> Result<Measurement, DeviceError> {
        self.measure_heard(model, request, &mut |_| ())
    }

    /// As [`Device::measure`]; each pass is told to `hear` before it starts.
    ///
    /// # Errors
    ///
    /// As [`Device::measure`].
    pub fn measure_heard(
        &mut self,
        model: &[u8],
        request: &MeasureRequest,
        hear: &mut dyn FnMut(PassStep<'_>),
    ) -> Result<Measurement, DeviceError> {
        self.cool_down()?;
        let sha256 = hash(model);
        let mut gathered = Gathered::default();
        let (passes, begun) = (request.passes(!self.has_a_pace()), Instant::now());
        for (at, pass) in passes.iter().enumerate() {
            hear(PassStep { number: at + 1, passes: passes.len(), pass });
            self.take(model, sha256, request, pass, &mut gathered)?;
        }
        self.pace.spend(begun.elapsed(), false);
        if let Some(agreement) = request.agreement.as_ref().filter(|_| self.has_a_pace()) {
            self.agree(model, sha256, request, agreement, &mut gathered)?;
            gathered.judge(&self.pace);
        }
        let measured = gathered.finish(|runtime, cores| self.provenance(model, &sha256, request, runtime, cores));
        measured.ok_or_else(|| self.failed(JobError::new(ErrorKind::Internal, "the agent sent no samples")))
    }

    /// Whether its times mean anything: those of an emulator do not, nor does its pace.
    fn has_a_pace(&self) -> bool {
        self.info.description.emulator.is_none()
    }

    /// Has further processes measure the latency until two agree that were not disturbed, or it gets too many or too long.
    fn agree(
        &mut self,
        model: &[u8],
        sha256: Sha256,
        request: &MeasureRequest,
        agreement: &Agreement,
        gathered: &mut Gathered,
    ) -> Result<(), DeviceError> {
        let (pass, begun) = (Pass::Latency(request.plan.clone()), Instant::now());
        // Ends: every round adds a process, and an agreement names the most of them.
        while self.is_unsettled(agreement, gathered, begun) {
            if gathered.latency().last().is_some_and(|run| self.pace.is_disturbed(run)) {
                thread::sleep(QUIET_PAUSE);
                self.pace.spend(QUIET_PAUSE, true);
            }
            let begun = Instant::now();
            self.take(model, sha256, request, &pass, gathered)?;
            self.pace.spend(begun.elapsed(), false);
        }
        Ok(())
    }

    /// Whether one more process is to run: two that agree are missing among those that were not disturbed. One of these is enough beside
    /// disturbed ones; without one, it goes on until there are too many of those, or they cost too much time.
    fn is_unsettled(&self, agreement: &Agreement, gathered: &Gathered, begun: Instant) -> bool {
        let (disturbed, quiet): (Vec<&LatencyRun>, Vec<&LatencyRun>) =
            gathered.latency().iter().partition(|run| self.pace.is_disturbed(run));
        let medians_ns: Vec<f64> = quiet.iter().filter_map(|run| self.pace.median_ns(run)).collect();
        let is_patient = self.pace.is_patient() || begun.elapsed() < agreement.patience;
        match (quiet.len(), disturbed.len() as u32) {
            (_, 0) => agreement.is_missing(&medians_ns),
            (0, count) => count < agreement.most_disturbed && is_patient,
            _ => false,
        }
    }

    /// Runs a pass and gathers what it found out. Where processes have to agree, one goes on until it has undisturbed runs.
    fn take(
        &mut self,
        model: &[u8],
        sha256: Sha256,
        request: &MeasureRequest,
        pass: &Pass,
        gathered: &mut Gathered,
    ) -> Result<(), DeviceError> {
        let mut pass = pass.clone();
        if let (Pass::Latency(plan), Some(agreement), true) = (&mut pass, &request.agreement, self.has_a_pace()) {
            plan.undisturbed = self.pace.wanted(plan, !agreement.patience.is_zero());
        }
        let is_latency = matches!(pass, Pass::Latency(_));
        gathered.add(self.pass(model, sha256, request, pass)?);
        if let (true, Some(run), true) = (is_latency, gathered.latency().last(), self.has_a_pace()) {
            self.pace.tell(run);
        }
        Ok(())
    }

    fn pass(
        &mut self,
        model: &[u8],
        sha256: Sha256,
        request: &MeasureRequest,
        pass: Pass,
    ) -> Result<JobReport, DeviceError> {
        let report = self.with_library(&request.run_on, |device, run_on| {
            let job = run_on.job(sha256, Inputs::Seeded { seed: request.seed }, pass.clone());
            let ticket = device.line.ticket();
            device.ask(|client| {
                if let Err(error) = client.upload(&sha256, model)? {
                    return Ok(Err(error));
                }
                client.run(ticket, &job, &mut |_| ())
            })
        })?;
        Ok(*report)
    }

    /// What the model computes for every sample, in order.
    ///
    /// # Errors
    ///
    /// As [`Device::measure`]; [`ErrorKind::WrongShape`] when the samples do not fit the model.
    pub fn outputs(&mut self, model: &[u8], request: &OutputsRequest<'_>) -> Result<Vec<SampleOutputs>, DeviceError> {
        let model_sha256 = hash(model);
        let samples = request.samples.map(|samples| (hash(samples), samples));
        let inputs = request.inputs(samples.map(|(sha256, _)| sha256));
        self.with_library(&request.run_on, |device, run_on| {
            let job = run_on.job(model_sha256, inputs.clone(), Pass::Outputs);
            let ticket = device.line.ticket();
            device.ask(|client| {
                if let Err(error) = client.upload(&model_sha256, model)? {
                    return Ok(Err(error));
                }
                if let Some((sha256, samples)) = &samples
                    && let Err(error) = client.upload(sha256, samples)?
                {
                    return Ok(Err(error));
                }
                let mut collector = Collector::default();
                let answer = client.run(ticket, &job, &mut |said: Reply| collector.hear(said))?;
                Ok(answer.map(|_| collector.finish()))
            })
        })
    }

    /// Sends a file to the device, where it may be already, and returns its place there.
    pub(super) fn place(&mut self, bytes: &[u8]) -> Result<String, DeviceError> {
        let sha256 = hash(bytes);
        let place = self.ask(|client| client.upload(&sha256, bytes))?;
        place.ok_or_else(|| self.failed(JobError::new(ErrorKind::Internal, "the agent does not say where a file is")))
    }

    /// Asks on the connection that is there, else on fresh ones, as often as may be.
    fn ask<T>(&mut self, question: impl FnMut(&mut Client) -> Answer<T>) -> Result<T, DeviceError> {
        self.line.ask(question)?.map_err(|cause| self.failed(cause))
    }

    pub(super) fn failed(&self, cause: JobError) -> DeviceError {
        DeviceError::Job { device: self.info.url.clone(), cause }
    }

    fn provenance(
        &self,
        model: &[u8],
        sha256: &Sha256,
        request: &MeasureRequest,
        runtime: RuntimeDescription,
        cores: Vec<u32>,
    ) -> Provenance {
        let RunOn { settings, shapes, .. } = request.run_on.clone();
        Provenance {
            device_id: self.info.description.id.clone(),
            device_url: self.info.url.clone(),
            runtime,
            settings,
            shapes,
            cores,
            agent_version: self.info.agent_version.clone(),
            model_sha256: hex(sha256),
            model_bytes: model.len() as u64,
            seed: request.seed,
            emulator: self.info.description.emulator.clone(),
        }
    }
}

fn hash(bytes: &[u8]) -> Sha256 {
    Hasher::digest(bytes).into()
}

fn hex(sha256: &Sha256) -> String {
    sha256.iter().fold(String::with_capacity(64), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing into a string does not fail");
        text
    })
}
