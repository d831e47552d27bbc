//! A device: one agent at the other end of a transport, started again when it dies.

use std::fmt::Write;

use edgefit_protocol::{
    device::DeviceDescription,
    error::{ErrorKind, JobError},
    job::{Inputs, Pass},
    message::{Reply, Sha256},
    report::JobReport,
    runtime::{RuntimeDescription, RuntimeName},
};
use sha2::{Digest, Sha256 as Hasher};

use super::{
    client::{Answer, Client, GreetError},
    error::{ConnectionError, DeviceError},
    measurement::{Gathered, Measurement, Provenance},
    outputs::{Collector, OutputsRequest, SampleOutputs},
    request::{MeasureRequest, PassStep, RunOn},
    transport::{
        Transport,
        local::{Local, LocalOptions},
    },
};

/// A device that models are measured on.
pub struct Device {
    transport: Box<dyn Transport>,
    token: Option<String>,
    retries: u32,
    client: Option<Client>,
    info: DeviceInfo,
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
        let transport =
            Local::new(options).map_err(|cause| DeviceError::Unreachable { device: "local".to_owned(), cause })?;
        Self::connect(Box::new(transport), None, options.retries)
    }

    /// The device at the other end of a transport. A job is tried `retries` more times, each on a
    /// fresh connection, when the connection breaks.
    ///
    /// # Errors
    ///
    /// [`DeviceError`] when there is no agent of this version, or it refuses.
    pub fn connect(transport: Box<dyn Transport>, token: Option<String>, retries: u32) -> Result<Self, DeviceError> {
        let (client, info) = open(transport.as_ref(), token.clone())?;
        Ok(Self { transport, token, retries, client: Some(client), info })
    }

    /// What is known of the device.
    pub fn info(&self) -> &DeviceInfo {
        &self.info
    }

    /// Whether a runtime is usable there, and which version it is.
    ///
    /// # Errors
    ///
    /// [`DeviceError::Job`] says what is missing and how to get it.
    pub fn probe(&mut self, runtime: RuntimeName, library: Option<&str>) -> Result<RuntimeDescription, DeviceError> {
        self.ask(|client| client.probe(runtime, library.map(str::to_owned)))
    }

    /// Measures a model, given as the bytes of an ONNX file.
    ///
    /// # Errors
    ///
    /// [`DeviceError::Job`] when a pass failed, [`DeviceError::Died`] when the device did not
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
        let sha256 = hash(model);
        let mut gathered = Gathered::default();
        let passes = request.passes();
        for (at, pass) in passes.iter().enumerate() {
            hear(PassStep { number: at + 1, passes: passes.len(), pass });
            gathered.add(self.pass(model, sha256, request, pass.clone())?);
        }
        while request.agreement.is_some_and(|agreement| agreement.is_missing(&gathered.medians_ns())) {
            gathered.add(self.pass(model, sha256, request, Pass::Latency(request.plan.clone()))?);
        }
        let measured = gathered.finish(|runtime, cores| self.provenance(model, &sha256, request, runtime, cores));
        measured.ok_or_else(|| self.failed(JobError::new(ErrorKind::Internal, "the agent sent no samples")))
    }

    fn pass(
        &mut self,
        model: &[u8],
        sha256: Sha256,
        request: &MeasureRequest,
        pass: Pass,
    ) -> Result<JobReport, DeviceError> {
        let job = request.run_on.job(sha256, Inputs::Seeded { seed: request.seed }, pass);
        let report = self.ask(|client| {
            if let Err(error) = client.upload(&sha256, model)? {
                return Ok(Err(error));
            }
            client.run(&job, &mut |_| ())
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
        let job = request.run_on.job(model_sha256, inputs, Pass::Outputs);
        self.ask(|client| {
            if let Err(error) = client.upload(&model_sha256, model)? {
                return Ok(Err(error));
            }
            if let Some((sha256, samples)) = &samples
                && let Err(error) = client.upload(sha256, samples)?
            {
                return Ok(Err(error));
            }
            let mut collector = Collector::default();
            let answer = client.run(&job, &mut |said: Reply| collector.hear(said))?;
            Ok(answer.map(|_| collector.finish()))
        })
    }

    /// Asks on the connection that is there, else on fresh ones, as often as may be.
    fn ask<T>(&mut self, mut question: impl FnMut(&mut Client) -> Answer<T>) -> Result<T, DeviceError> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let client = self.client()?;
            let cause = match question(client) {
                Ok(answer) => return answer.map_err(|cause| self.failed(cause)),
                Err(cause) => cause,
            };
            self.client = None;
            if attempts > self.retries {
                return Err(DeviceError::Died { device: self.info.url.clone(), attempts, cause });
            }
        }
    }

    fn client(&mut self) -> Result<&mut Client, DeviceError> {
        let client = match self.client.take() {
            Some(client) => client,
            None => open(self.transport.as_ref(), self.token.clone())?.0,
        };
        Ok(self.client.insert(client))
    }

    fn failed(&self, cause: JobError) -> DeviceError {
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
        }
    }
}

fn open(transport: &dyn Transport, token: Option<String>) -> Result<(Client, DeviceInfo), DeviceError> {
    let device = transport.url();
    let link = match transport.connect() {
        Ok(link) => link,
        Err(cause) => return Err(DeviceError::Unreachable { device, cause }),
    };
    let mut client = Client::new(link);
    match client.greet(token) {
        Ok(welcome) => {
            let info = DeviceInfo { url: device, agent_version: welcome.agent_version, description: welcome.device };
            Ok((client, info))
        }
        Err(GreetError::Handshake(cause)) => Err(DeviceError::Handshake { device, cause }),
        Err(GreetError::Refused(cause)) => Err(DeviceError::Refused { device, cause }),
        Err(GreetError::Connection(cause)) => Err(unreachable_agent(device, cause)),
    }
}

fn unreachable_agent(device: String, cause: ConnectionError) -> DeviceError {
    DeviceError::Unreachable { device, cause: std::io::Error::other(cause) }
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
