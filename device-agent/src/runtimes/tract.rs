//! tract, compiled into the agent.

use std::{path::Path, time::Instant};

use edgefit_protocol::{
    error::{ErrorKind, JobError},
    job::{InputShape, Optimization},
    limits,
    report::{LoadTimes, NodeTime},
    runtime::{RuntimeDescription, RuntimeName},
    tensor::{ElementType, TensorData, TensorInfo},
};
use tract_linalg::multithread::Executor;
use tract_onnx::{
    Onnx,
    pb::{ModelProto, NodeProto, tensor_proto::DataLocation},
    prelude::{
        DatumType, Framework, InferenceFact, InferenceModel, InferenceModelExt, OutletId, RunOptions, TValue, TVec,
        Tensor, TractError, TractResult, TypedModel,
    },
    tract_core::{
        internal::TypedSimpleState,
        model::{TypedNode, TypedSimplePlan},
        plan,
    },
    tract_hir::infer::Factoid,
};

use super::{LoadOptions, Loaded, Runtime, Session, check_inputs, given_shape, quiet::quiet_runs, resolve_shape};

/// The version that the workspace pins; a test compares it with the lock file.
const VERSION: &str = "0.23.9";

/// The runtime. There is nothing to start.
pub(super) struct Tract;

impl Runtime for Tract {
    fn describe(&self) -> RuntimeDescription {
        RuntimeDescription { name: RuntimeName::Tract, version: VERSION.to_owned(), build: None, library: None }
    }

    fn load(&self, model: &Path, options: &LoadOptions<'_>) -> Result<Loaded, JobError> {
        let started = Instant::now();
        let mut parsed = parse(model)?;
        fix_inputs(&mut parsed, options.shapes)?;
        let parse_ns = started.elapsed().as_nanos() as u64;
        let optimized = optimize(parsed, options.settings.optimization)?;
        let session = TractSession::new(optimized, executor(options.settings.threads))?;
        let optimize_ns = started.elapsed().as_nanos() as u64 - parse_ns;
        Ok(Loaded {
            session: Box::new(session),
            times: LoadTimes { runtime_ns: 0, parse_ns: Some(parse_ns), optimize_ns },
        })
    }
}

/// tract takes a pool of one thread for a pool of all cores, so that one thread is no pool.
fn executor(threads: u32) -> Executor {
    match threads {
        1 => Executor::SingleThread,
        threads => Executor::multithread(threads as usize),
    }
}

/// The declared shapes of inner tensors are ignored: they may name a batch that the job sets.
fn parse(path: &Path) -> Result<InferenceModel, JobError> {
    let onnx = tract_onnx::onnx().with_ignore_value_info(true);
    let proto = onnx.proto_model_for_path(path).map_err(no_onnx)?;
    check_operators(&onnx, &proto)?;
    check_data(&proto)?;
    let parsed = onnx.parse(&proto, None).map_err(unreadable)?;
    match parsed.unresolved_inputs.first() {
        None => Ok(parsed.model),
        Some(tensor) => Err(JobError::new(
            ErrorKind::ModelUnreadable,
            format!("the model uses the tensor {tensor}, which nothing makes"),
        )),
    }
}

fn check_operators(onnx: &Onnx, proto: &ModelProto) -> Result<(), JobError> {
    let nodes = proto.graph.iter().flat_map(|graph| &graph.node);
    let known = |node: &&NodeProto| onnx.op_register.0.contains_key(&*node.op_type);
    match nodes.into_iter().find(|node| !known(node)) {
        None => Ok(()),
        Some(node) => Err(JobError::new(
            ErrorKind::Unsupported,
            format!("tract {VERSION} does not know the operator {}", node.op_type),
        )
        .at_node(Some(node_name(node)))),
    }
}

fn node_name(node: &NodeProto) -> String {
    let first_output = || node.output.first().cloned().unwrap_or_default();
    Some(node.name.clone()).filter(|name| !name.is_empty()).unwrap_or_else(first_output)
}

/// The device has the one file only.
fn check_data(proto: &ModelProto) -> Result<(), JobError> {
    let tensors = proto.graph.iter().flat_map(|graph| &graph.initializer);
    let external = |location: Option<i32>| location == Some(DataLocation::External as i32);
    match tensors.into_iter().find(|tensor| external(tensor.data_location)) {
        None => Ok(()),
        Some(tensor) => Err(JobError::new(
            ErrorKind::ModelUnreadable,
            format!("the weights {} are in another file; save the model with its data inside", tensor.name),
        )),
    }
}

fn fix_inputs(model: &mut InferenceModel, shapes: &[InputShape]) -> Result<(), JobError> {
    for index in 0..model.inputs.len() {
        let name = model.node(model.inputs[index].node).name.clone();
        let fact = model.input_fact(index).map_err(unreadable)?;
        let own: Vec<Option<u64>> =
            fact.shape.dims().map(|dim| dim.concretize().and_then(|dim| dim.to_i64().ok()?.try_into().ok())).collect();
        let shape = resolve_shape(&name, &own, given_shape(shapes, &name))?;
        let fixed = match fact.datum_type.concretize() {
            Some(datum_type) => InferenceFact::dt_shape(datum_type, to_usize(&shape)),
            None => InferenceFact::shape(to_usize(&shape)),
        };
        model.set_input_fact(index, fixed).map_err(unreadable)?;
    }
    Ok(())
}

fn optimize(model: InferenceModel, level: Optimization) -> Result<TypedModel, JobError> {
    let optimized = match level {
        Optimization::Disabled => model.into_typed(),
        Optimization::Basic => model.into_typed().and_then(TypedModel::into_decluttered),
        Optimization::Extended | Optimization::All => model.into_optimized(),
    };
    optimized.map_err(|error| describe(ErrorKind::Unsupported, &error))
}

/// A planned model, with its inputs and the outputs of its last run.
struct TractSession {
    state: TypedSimpleState,
    input_infos: Vec<TensorInfo>,
    inputs: TVec<TValue>,
    outputs: Option<TVec<TValue>>,
    profile: Option<Profile>,
}

impl TractSession {
    fn new(model: TypedModel, executor: Executor) -> Result<Self, JobError> {
        let input_infos = infos(&model, &model.inputs)?;
        let options = RunOptions { executor: Some(executor), ..RunOptions::default() };
        let plan = TypedSimplePlan::new_with_options(model, &options).map_err(failed)?;
        Ok(Self {
            state: plan.spawn().map_err(failed)?,
            input_infos,
            inputs: TVec::new(),
            outputs: None,
            profile: None,
        })
    }

    fn run_plain_or_profiled(&mut self) -> TractResult<TVec<TValue>> {
        let inputs = self.inputs.clone();
        match &mut self.profile {
            None => self.state.run(inputs),
            Some(profile) => profile.run(&mut self.state, inputs),
        }
    }
}

impl Session for TractSession {
    fn inputs(&self) -> &[TensorInfo] {
        &self.input_infos
    }

    fn outputs(&self) -> Vec<TensorInfo> {
        let model = self.state.model();
        infos(model, &model.outputs).unwrap_or_default()
    }

    fn set_inputs(&mut self, inputs: &[TensorData]) -> Result<(), JobError> {
        check_inputs(&self.input_infos, inputs)?;
        self.inputs = inputs.iter().map(to_value).collect::<Result<_, _>>()?;
        Ok(())
    }

    fn run(&mut self) -> Result<(), JobError> {
        let outputs = self.run_plain_or_profiled().map_err(failed)?;
        self.outputs = Some(outputs);
        Ok(())
    }

    fn read_outputs(&self) -> Result<Vec<TensorData>, JobError> {
        let outputs =
            self.outputs.as_ref().ok_or_else(|| JobError::new(ErrorKind::RunFailed, "the model has not run yet"))?;
        outputs.iter().map(|value| to_data(value)).collect()
    }

    fn start_profile(&mut self) {
        self.profile = Some(Profile::new(self.state.model().nodes().len()));
    }

    fn end_profile(&mut self) -> Result<Vec<NodeTime>, JobError> {
        let profile =
            self.profile.take().ok_or_else(|| JobError::new(ErrorKind::RunFailed, "the profile was never started"))?;
        Ok(profile.means(&self.state))
    }
}

/// The profiled runs, at most [`limits::MAX_PROFILED_RUNS`]; what comes after them is run and forgotten.
struct Profile {
    nodes: usize,
    runs: Vec<ProfiledRun>,
}

/// Time spent in each node and its calls, by its number in the model.
struct ProfiledRun {
    node_ns: Vec<u64>,
    calls: Vec<u64>,
}

impl Profile {
    fn new(nodes: usize) -> Self {
        Self { nodes, runs: Vec::new() }
    }

    fn run(&mut self, state: &mut TypedSimpleState, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let mut seen = ProfiledRun { node_ns: vec![0; self.nodes], calls: vec![0; self.nodes] };
        let outputs = state.run_plan_with_eval(inputs, |context, op_state, node, inputs| {
            let started = Instant::now();
            let outputs = plan::eval(context, op_state, node, inputs);
            seen.node_ns[node.id] += started.elapsed().as_nanos() as u64;
            seen.calls[node.id] += 1;
            outputs
        });
        if self.runs.len() < limits::MAX_PROFILED_RUNS {
            self.runs.push(seen);
        }
        outputs
    }

    /// Means over the quiet runs. The plan's order is the order of running.
    fn means(&self, state: &TypedSimpleState) -> Vec<NodeTime> {
        let totals_ns: Vec<u64> = self.runs.iter().map(|run| run.node_ns.iter().sum()).collect();
        let quiet: Vec<&ProfiledRun> = quiet_runs(&totals_ns).into_iter().map(|index| &self.runs[index]).collect();
        let model = state.model();
        let order = state.plan().order_without_consts();
        order.iter().filter_map(|id| mean(model.node(*id), &quiet)).collect()
    }
}

/// The mean of a node; `None` if it was never called.
fn mean(node: &TypedNode, runs: &[&ProfiledRun]) -> Option<NodeTime> {
    let calls: u64 = runs.iter().map(|run| run.calls[node.id]).sum();
    let total_ns: u64 = runs.iter().map(|run| run.node_ns[node.id]).sum();
    (calls > 0).then(|| NodeTime {
        name: node.name.clone(),
        op: node.op.name().into_owned(),
        mean_ns: total_ns as f64 / calls as f64,
        calls_per_run: calls as f64 / runs.len() as f64,
        output_shape: node.outputs.first().and_then(|output| output.fact.shape.as_concrete()).map(to_u64),
    })
}

fn infos(model: &TypedModel, outlets: &[OutletId]) -> Result<Vec<TensorInfo>, JobError> {
    let info = |outlet: &OutletId| {
        let fact = model.outlet_fact(*outlet).map_err(failed)?;
        let label = model.outlet_label(*outlet);
        Ok(TensorInfo {
            name: label.unwrap_or(&model.node(outlet.node).name).to_owned(),
            element: element_type(fact.datum_type)?,
            shape: fact.shape.as_concrete().map(to_u64).unwrap_or_default(),
        })
    };
    outlets.iter().map(info).collect()
}

const TYPES: [(DatumType, ElementType); 12] = [
    (DatumType::F32, ElementType::F32),
    (DatumType::F64, ElementType::F64),
    (DatumType::F16, ElementType::F16),
    (DatumType::I8, ElementType::I8),
    (DatumType::I16, ElementType::I16),
    (DatumType::I32, ElementType::I32),
    (DatumType::I64, ElementType::I64),
    (DatumType::U8, ElementType::U8),
    (DatumType::U16, ElementType::U16),
    (DatumType::U32, ElementType::U32),
    (DatumType::U64, ElementType::U64),
    (DatumType::Bool, ElementType::Bool),
];

/// Quantized tensors cross the wire as the integers that they are.
fn element_type(datum_type: DatumType) -> Result<ElementType, JobError> {
    TYPES.iter().find(|(known, _)| *known == datum_type.unquantized()).map(|(_, element)| *element).ok_or_else(|| {
        let message = format!("tensors of {datum_type:?} cannot be inputs or outputs here");
        JobError::new(ErrorKind::Unsupported, message)
    })
}

fn to_value(data: &TensorData) -> Result<TValue, JobError> {
    let (datum_type, _) =
        TYPES.iter().find(|(_, element)| *element == data.element).expect("every element type has its row");
    // SAFETY: `check_inputs` found as many bytes as type and shape ask for, and every pattern of
    // bytes is a value of these types; a boolean is checked to be 0 or 1 before.
    let tensor = unsafe { Tensor::from_raw_dt(*datum_type, &to_usize(&data.shape), &data.bytes) };
    Ok(tensor.map_err(failed)?.into())
}

fn to_data(value: &Tensor) -> Result<TensorData, JobError> {
    Ok(TensorData {
        element: element_type(value.datum_type())?,
        shape: to_u64(value.shape()),
        bytes: value.as_bytes().to_vec(),
    })
}

fn to_usize(shape: &[u64]) -> Vec<usize> {
    shape.iter().map(|size| *size as usize).collect()
}

fn to_u64(shape: &[usize]) -> Vec<u64> {
    shape.iter().map(|size| *size as u64).collect()
}

/// A cut file is the usual case: the message names it before the decoder's own words.
fn no_onnx(error: TractError) -> JobError {
    let mut error = unreadable(error);
    if error.kind == ErrorKind::ModelUnreadable {
        error.message = format!("the file is cut off, damaged or no ONNX model: {}", error.message);
    }
    error
}

fn unreadable(error: TractError) -> JobError {
    describe(ErrorKind::ModelUnreadable, &error)
}

fn failed(error: TractError) -> JobError {
    describe(ErrorKind::RunFailed, &error)
}

/// The whole chain of causes, and the node that tract quotes in it.
fn describe(kind: ErrorKind, error: &TractError) -> JobError {
    let message = format!("{error:#}");
    let node = quoted_node(&message);
    let kind = if is_out_of_memory(&message) { ErrorKind::OutOfMemory } else { kind };
    JobError::new(kind, format!("tract: {message}")).at_node(node)
}

/// tract reports some failed allocations as errors instead of ending the process.
fn is_out_of_memory(message: &str) -> bool {
    const MARKS: [&str; 3] = ["Cannot allocate memory", "ailed to allocate", "emory allocation"];
    MARKS.iter().any(|mark| message.contains(mark))
}

/// tract writes a node as `#3 "name" Operator`.
fn quoted_node(message: &str) -> Option<String> {
    message.match_indices('#').find_map(|(at, _)| {
        let behind_number = message[at + 1..].trim_start_matches(|c: char| c.is_ascii_digit());
        let quoted = behind_number.strip_prefix(" \"")?;
        let (name, _) = quoted.split_once('"')?;
        Some(name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_pinned_one() {
        let manifest = include_str!("../../../Cargo.toml");
        let pin = format!("tract-onnx = {{ version = \"={VERSION}\"");
        assert!(manifest.contains(&pin), "update VERSION to the pin");
    }

    #[test]
    fn a_node_is_found_in_tracts_message() {
        let message = "Failed analyse for node #12 \"conv_3\" Conv: no";
        assert_eq!(quoted_node(message).as_deref(), Some("conv_3"));
        assert_eq!(quoted_node("issue #12 is \"old\""), None);
    }
}
