//! ONNX Runtime, a shared library that is loaded at run time.

mod library;
mod profile;
mod tensor;

use std::{path::Path, time::Instant};

use edgefit_protocol::{
    error::{ErrorKind, JobError},
    job::{InputShape, Optimization, Settings},
    report::{LoadTimes, NodeTime},
    runtime::{RuntimeDescription, RuntimeName},
    tensor::{TensorData, TensorInfo},
};
use ort::{
    environment::Environment,
    ep,
    session::{
        Session as OrtSession, SessionInputValue,
        builder::{GraphOptimizationLevel, SessionBuilder},
    },
    value::{DynValue, Outlet},
};
use tempfile::TempDir;

use super::{LoadOptions, Loaded, Runtime, Session, check_inputs, given_shape, resolve_shape};

/// The loaded library and its environment, of which there is one in a process.
pub(super) struct OnnxRuntime {
    environment: Environment,
    found: library::Found,
}

impl OnnxRuntime {
    /// Loads the library.
    pub(super) fn start(named: Option<&str>) -> Result<Self, JobError> {
        let found = library::find(named)?;
        let environment = ort::init_from(&found.path)
            .map_err(|error| JobError::new(ErrorKind::RuntimeMissing, error.to_string()))?
            .with_name("edgefit")
            .with_telemetry(false)
            .build()
            .map_err(failed)?;
        Ok(Self { environment, found })
    }

    fn builder(&self, settings: &Settings) -> ort::Result<SessionBuilder> {
        let options = &settings.ort;
        let cpu = ep::CPU::default().with_arena_allocator(options.arena);
        Ok(OrtSession::builder(&self.environment)?
            .with_execution_providers([cpu.build().error_on_failure()])?
            .with_intra_threads(settings.threads as usize)?
            .with_inter_threads(1)?
            .with_optimization_level(level(settings.optimization))?
            .with_memory_pattern(options.memory_pattern)?
            .with_intra_op_spinning(options.spinning)?)
    }
}

fn level(optimization: Optimization) -> GraphOptimizationLevel {
    match optimization {
        Optimization::Disabled => GraphOptimizationLevel::Disable,
        Optimization::Basic => GraphOptimizationLevel::Level1,
        Optimization::Extended => GraphOptimizationLevel::Level2,
        Optimization::All => GraphOptimizationLevel::All,
    }
}

impl Runtime for OnnxRuntime {
    fn describe(&self) -> RuntimeDescription {
        RuntimeDescription {
            name: RuntimeName::Ort,
            version: self.found.version.clone(),
            build: Some(ort::info().to_owned()),
            library: Some(self.found.path.display().to_string()),
        }
    }

    fn load(&self, model: &Path, options: &LoadOptions<'_>) -> Result<Loaded, JobError> {
        let started = Instant::now();
        let mut builder = self.builder(options.settings).map_err(failed)?;
        let profile = options.profiled.then(ProfileFile::new).transpose()?;
        if let Some(profile) = &profile {
            builder = builder.with_profiling(profile.prefix()).map_err(failed)?;
        }
        let session = builder.commit_from_file(model).map_err(not_loaded)?;
        let session = OnnxRuntimeSession::new(session, profile, options.shapes)?;
        Ok(Loaded {
            session: Box::new(session),
            times: LoadTimes { runtime_ns: 0, parse_ns: None, optimize_ns: started.elapsed().as_nanos() as u64 },
        })
    }
}

/// A folder that the runtime writes its profile into.
struct ProfileFile {
    folder: TempDir,
    skipped_runs: usize,
}

impl ProfileFile {
    fn new() -> Result<Self, JobError> {
        let folder = TempDir::new().map_err(|error| {
            let message = format!("there is no place for ONNX Runtime's profile: {error}");
            JobError::new(ErrorKind::Storage, message)
        })?;
        Ok(Self { folder, skipped_runs: 0 })
    }

    fn prefix(&self) -> std::path::PathBuf {
        self.folder.path().join("profile")
    }
}

/// A session with its inputs and the outputs of its last run.
struct OnnxRuntimeSession {
    session: OrtSession,
    input_infos: Vec<TensorInfo>,
    inputs: Vec<SessionInputValue<'static>>,
    outputs: Vec<DynValue>,
    profile: Option<ProfileFile>,
    runs: usize,
}

impl OnnxRuntimeSession {
    fn new(session: OrtSession, profile: Option<ProfileFile>, shapes: &[InputShape]) -> Result<Self, JobError> {
        let input_infos = session.inputs().iter().map(|outlet| input_info(outlet, shapes)).collect::<Result<_, _>>()?;
        Ok(Self { session, input_infos, inputs: Vec::new(), outputs: Vec::new(), profile, runs: 0 })
    }
}

impl Session for OnnxRuntimeSession {
    fn inputs(&self) -> &[TensorInfo] {
        &self.input_infos
    }

    fn outputs(&self) -> Vec<TensorInfo> {
        let outlets = self.session.outputs().iter().enumerate();
        outlets.filter_map(|(index, outlet)| output_info(outlet, self.outputs.get(index))).collect()
    }

    fn set_inputs(&mut self, inputs: &[TensorData]) -> Result<(), JobError> {
        check_inputs(&self.input_infos, inputs)?;
        self.inputs =
            inputs.iter().map(|data| tensor::to_ort(data).map(SessionInputValue::from)).collect::<Result<_, _>>()?;
        Ok(())
    }

    fn run(&mut self) -> Result<(), JobError> {
        self.runs += 1;
        let outputs = self.session.run(self.inputs.as_slice()).map_err(failed)?;
        self.outputs.clear();
        self.outputs.extend(outputs.into_iter().map(|(_, value)| value));
        Ok(())
    }

    fn read_outputs(&self) -> Result<Vec<TensorData>, JobError> {
        if self.runs == 0 {
            return Err(JobError::new(ErrorKind::RunFailed, "the model has not run yet"));
        }
        self.outputs.iter().map(tensor::to_data).collect()
    }

    fn start_profile(&mut self) {
        if let Some(profile) = &mut self.profile {
            profile.skipped_runs = self.runs;
        }
    }

    fn end_profile(&mut self) -> Result<Vec<NodeTime>, JobError> {
        let profile = self
            .profile
            .take()
            .ok_or_else(|| JobError::new(ErrorKind::RunFailed, "the session was loaded without a profile"))?;
        let file = self.session.end_profiling().map_err(failed)?;
        profile::read(Path::new(&file), profile.skipped_runs)
    }
}

fn input_info(outlet: &Outlet, shapes: &[InputShape]) -> Result<TensorInfo, JobError> {
    let name = outlet.name();
    let (Some(own), Some(shape)) = (outlet.dtype().tensor_type(), outlet.dtype().tensor_shape()) else {
        let message = format!("input {name} is not a tensor");
        return Err(JobError::new(ErrorKind::Unsupported, message));
    };
    let own_shape: Vec<Option<u64>> = shape.iter().map(|size| (*size).try_into().ok()).collect();
    Ok(TensorInfo {
        name: name.to_owned(),
        element: tensor::element_type(own)?,
        shape: resolve_shape(name, &own_shape, given_shape(shapes, name))?,
    })
}

/// The output as the last run made it, else as the model declares it.
fn output_info(outlet: &Outlet, last: Option<&DynValue>) -> Option<TensorInfo> {
    let kind = last.map_or(outlet.dtype(), |value| value.dtype());
    let shape = kind.tensor_shape()?;
    Some(TensorInfo {
        name: outlet.name().to_owned(),
        element: tensor::element_type(kind.tensor_type()?).ok()?,
        shape: shape.iter().map(|size| (*size).max(0) as u64).collect(),
    })
}

fn failed<R>(error: ort::Error<R>) -> JobError {
    describe(ErrorKind::RunFailed, error.message())
}

/// ONNX Runtime tells an operator that it does not know from a broken file by its message only.
fn not_loaded<R>(error: ort::Error<R>) -> JobError {
    const UNSUPPORTED: [&str; 5] = [
        "No Op registered for",
        "is not a registered function/op",
        "Could not find an implementation",
        "Fatal error",
        "Unsupported model IR version",
    ];
    // In front stands the path of a file that the host has never heard of.
    let whole = error.message();
    let message = whole.split_once(" failed:").map_or(whole, |(_, cause)| cause);
    let unsupported = UNSUPPORTED.iter().any(|known| message.contains(known));
    let kind = match unsupported {
        true => ErrorKind::Unsupported,
        false => ErrorKind::ModelUnreadable,
    };
    describe(kind, message)
}

fn describe(kind: ErrorKind, message: &str) -> JobError {
    let out_of_memory = ["bad_alloc", "Failed to allocate memory"].iter().any(|known| message.contains(known));
    let kind = if out_of_memory { ErrorKind::OutOfMemory } else { kind };
    JobError::new(kind, format!("ONNX Runtime: {message}")).at_node(named_node(message))
}

/// ONNX Runtime writes a node as `Name:'conv_3'`, `node with name 'conv_3'` or `Node (conv_3)`.
fn named_node(message: &str) -> Option<String> {
    const MARKS: [(&str, char); 5] =
        [("Name:'", '\''), ("In Node, (\"", '"'), ("node with name '", '\''), ("Node (", ')'), ("Node:", ' ')];
    MARKS.iter().find_map(|(start, end)| {
        let (_, behind) = message.split_once(start)?;
        let (name, _) = behind.split_once(*end)?;
        (!name.is_empty()).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_found_in_the_messages() {
        let check = |message: &str, node: Option<&str>| {
            assert_eq!(named_node(message).as_deref(), node);
        };
        check("running Conv node. Name:'conv_3' Status Message: x", Some("conv_3"));
        check("Node (add_1) Op (Add) [ShapeInferenceError] x", Some("add_1"));
        check("In Node, (\"y_node\", Frobnicate, \"\", -1)", Some("y_node"));
        check("Protobuf parsing failed.", None);
    }
}
