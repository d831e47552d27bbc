//! Inference runtimes behind one small trait, one file or folder each.
//!
//! To add one: implement [`Runtime`] and [`Session`], name it in
//! [`RuntimeName`], and list it in [`start`]. The conformance suite in the agent's tests runs
//! every name of [`RuntimeName::ALL`].

mod ort;
mod quiet;
mod tract;

use std::path::Path;

use edgefit_protocol::{
    error::{ErrorKind, JobError},
    job::{InputShape, Settings},
    report::{LoadTimes, NodeTime},
    runtime::{RuntimeDescription, RuntimeName},
    tensor::{ElementType, TensorData, TensorInfo},
};

/// A runtime that is started and can load models.
pub trait Runtime {
    /// Its version and build.
    fn describe(&self) -> RuntimeDescription;

    /// Loads an ONNX file.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ModelUnreadable`], [`ErrorKind::Unsupported`], [`ErrorKind::DynamicShape`] or
    /// [`ErrorKind::WrongShape`], with the node where the runtime names one.
    fn load(&self, model: &Path, options: &LoadOptions<'_>) -> Result<Loaded, JobError>;
}

/// How a model is to be loaded.
pub struct LoadOptions<'a> {
    /// Threads, optimization and the like.
    pub settings: &'a Settings,
    /// Shapes of inputs whose own is dynamic.
    pub shapes: &'a [InputShape],
    /// Whether [`Session::start_profile`] will be called.
    pub profiled: bool,
}

/// A model that can run.
pub struct Loaded {
    /// The model.
    pub session: Box<dyn Session>,
    /// How long loading took; the runtime's own start is not in it.
    pub times: LoadTimes,
}

/// A loaded model with its inputs.
pub trait Session {
    /// The model's inputs, under the shapes of the job.
    fn inputs(&self) -> &[TensorInfo];

    /// The model's outputs. An axis that only a run can tell is 0 before the first one.
    fn outputs(&self) -> Vec<TensorInfo>;

    /// Puts the inputs of the following runs in place, one for each of [`Session::inputs`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::WrongShape`] when they do not fit.
    fn set_inputs(&mut self, inputs: &[TensorData]) -> Result<(), JobError>;

    /// Runs the model once. This, and nothing else, is timed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::RunFailed`].
    fn run(&mut self) -> Result<(), JobError>;

    /// The outputs of the last run.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::RunFailed`] before the first run, [`ErrorKind::Unsupported`] for element
    /// types that do not cross the wire.
    fn read_outputs(&self) -> Result<Vec<TensorData>, JobError>;

    /// From now on, runs are profiled.
    fn start_profile(&mut self);

    /// The means over the profiled runs, in the order in which the nodes first ran.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::RunFailed`] when the runtime gives no profile.
    fn end_profile(&mut self) -> Result<Vec<NodeTime>, JobError>;
}

/// Starts a runtime in this process.
///
/// # Errors
///
/// [`ErrorKind::RuntimeMissing`], [`ErrorKind::RuntimeTooOld`] or [`ErrorKind::RuntimeKnownBad`].
pub fn start(name: RuntimeName, library: Option<&str>) -> Result<Box<dyn Runtime>, JobError> {
    match name {
        RuntimeName::Tract => Ok(Box::new(tract::Tract)),
        RuntimeName::Ort => Ok(Box::new(ort::OnnxRuntime::start(library)?)),
    }
}

/// The shape that a job gives for an input, if any.
fn given_shape<'a>(shapes: &'a [InputShape], input: &str) -> Option<&'a [u64]> {
    let given = shapes.iter().find(|given| given.input == input)?;
    Some(&given.shape)
}

/// The shape of an input from the model's own (`None` where dynamic) and the given one. A dynamic
/// first axis is the batch and becomes 1.
fn resolve_shape(input: &str, own: &[Option<u64>], given: Option<&[u64]>) -> Result<Vec<u64>, JobError> {
    match given {
        Some(given) => check_given(input, own, given),
        None => own
            .iter()
            .enumerate()
            .map(|(axis, size)| (*size).or((axis == 0).then_some(1)))
            .collect::<Option<_>>()
            .ok_or_else(|| dynamic(input, own)),
    }
}

fn check_given(input: &str, own: &[Option<u64>], given: &[u64]) -> Result<Vec<u64>, JobError> {
    let fits =
        own.len() == given.len() && own.iter().zip(given).all(|(own, given)| own.is_none_or(|own| own == *given));
    if fits {
        return Ok(given.to_vec());
    }
    let message = format!("input {input} has the shape {}; {given:?} does not fit", show(own));
    Err(JobError::new(ErrorKind::WrongShape, message))
}

fn dynamic(input: &str, own: &[Option<u64>]) -> JobError {
    let message = format!(
        "input {input} has the dynamic shape {}; give one, such as --shape {input}={}",
        show(own),
        own.iter().map(|size| size.unwrap_or(1).to_string()).collect::<Vec<_>>().join("x")
    );
    JobError::new(ErrorKind::DynamicShape, message)
}

fn show(shape: &[Option<u64>]) -> String {
    let axes = shape.iter().map(|axis| axis.map_or_else(|| "?".to_owned(), |size| size.to_string()));
    format!("[{}]", axes.collect::<Vec<_>>().join(", "))
}

/// Checks that tensors have the element types and shapes of the inputs.
fn check_inputs(infos: &[TensorInfo], inputs: &[TensorData]) -> Result<(), JobError> {
    if infos.len() != inputs.len() {
        let message = format!("the model has {} inputs, not {}", infos.len(), inputs.len());
        return Err(JobError::new(ErrorKind::WrongShape, message));
    }
    match infos.iter().zip(inputs).find(|(info, data)| !fits(info, data)) {
        None => Ok(()),
        Some((info, data)) => {
            let message = format!(
                "input {} takes {:?} {:?}, not {} bytes of {:?} {:?}",
                info.name,
                info.element,
                info.shape,
                data.bytes.len(),
                data.element,
                data.shape
            );
            Err(JobError::new(ErrorKind::WrongShape, message))
        }
    }
}

fn fits(info: &TensorInfo, data: &TensorData) -> bool {
    info.element == data.element
        && info.shape == data.shape
        && info.size_bytes() == Some(data.bytes.len() as u64)
        && (data.element != ElementType::Bool || data.bytes.iter().all(|byte| *byte <= 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(own: &[Option<u64>], given: Option<&[u64]>, expected: Result<&[u64], ErrorKind>) {
        let resolved = resolve_shape("x", own, given);
        let resolved = resolved.as_deref().map_err(|error| error.kind);
        assert_eq!(resolved, expected);
    }

    #[test]
    fn only_the_batch_is_filled_in() {
        let image = [None, Some(3), Some(8)];
        check(&image, None, Ok(&[1, 3, 8]));
        check(&image, Some(&[4, 3, 8]), Ok(&[4, 3, 8]));
        check(&image, Some(&[1, 2, 8]), Err(ErrorKind::WrongShape));
        check(&image, Some(&[1, 3]), Err(ErrorKind::WrongShape));
        check(&[None, None], None, Err(ErrorKind::DynamicShape));
        check(&[None, None], Some(&[1, 7]), Ok(&[1, 7]));
        check(&[], None, Ok(&[]));
    }

    #[test]
    fn the_error_shows_how_to_give_the_shape() {
        let error = resolve_shape("tokens", &[Some(1), None], None).unwrap_err();
        assert!(error.message.contains("--shape tokens=1x1"), "{error}");
    }
}
