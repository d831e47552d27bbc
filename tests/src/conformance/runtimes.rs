//! Runs a case in one of the agent's runtimes, in this process, from its ONNX file.

use std::io::Write;

use edgefit_agent::runtimes::{LoadOptions, Runtime};
use edgefit_graph::{Shape, Tensor};
use edgefit_protocol::job::{InputShape, Settings};
use edgefit_protocol::tensor::{ElementType, TensorData};

use super::cases::Case;

/// The outputs of the case, in the order of the graph's.
pub(super) fn outputs(runtime: &dyn Runtime, case: &Case) -> Result<Vec<Tensor>, String> {
    let mut file = tempfile::NamedTempFile::new().map_err(|error| error.to_string())?;
    file.write_all(&case.onnx()?).map_err(|error| error.to_string())?;
    let inputs: Vec<TensorData> = case.inputs.iter().map(to_wire).collect();
    let names = case.input_names().into_iter();
    let shapes: Vec<InputShape> =
        names.zip(&inputs).map(|(input, data)| InputShape { input, shape: data.shape.clone() }).collect();
    let options = LoadOptions { settings: &Settings::default(), shapes: &shapes, profiled: false };
    let mut loaded = runtime.load(file.path(), &options).map_err(|error| format!("load: {error}"))?;
    let session = loaded.session.as_mut();
    session.set_inputs(&inputs).map_err(|error| format!("inputs: {error}"))?;
    session.run().map_err(|error| format!("run: {error}"))?;
    let outputs = session.read_outputs().map_err(|error| format!("outputs: {error}"))?;
    outputs.iter().map(from_wire).collect()
}

fn to_wire(tensor: &Tensor) -> TensorData {
    TensorData {
        element: ElementType::F32,
        shape: tensor.shape.dims().iter().map(|&dim| dim as u64).collect(),
        bytes: tensor.data.iter().flat_map(|value| value.to_le_bytes()).collect(),
    }
}

fn from_wire(data: &TensorData) -> Result<Tensor, String> {
    let values = data.to_f32().ok_or_else(|| format!("an output is of {:?}", data.element))?;
    let dims: Vec<usize> = data.shape.iter().map(|&dim| dim as usize).collect();
    Ok(Tensor { shape: Shape::new(dims), data: values })
}
