//! The outputs pass: what the model computes for every input sample, for accuracy and for
//! comparing runtimes.

use edgefit_protocol::{
    error::{ErrorKind, JobError},
    job::Inputs,
    limits,
    report::{PassReport, Phase},
    tensor::TensorData,
};

use super::{Observer, Task, first_inputs, open_samples};
use crate::runtimes::Session;

/// Runs every sample and hands each output on.
pub(super) fn run(
    task: &Task<'_>,
    session: &mut dyn Session,
    observer: &mut dyn Observer,
) -> Result<PassReport, JobError> {
    observer.phase(Phase::Measuring);
    let samples = match task.job.inputs {
        Inputs::Seeded { .. } => {
            let inputs = first_inputs(task, session.inputs())?;
            run_sample(session, &inputs, 0, observer)?;
            1
        }
        Inputs::Blob { .. } => run_all(task, session, observer)?,
    };
    Ok(PassReport::Outputs { samples })
}

fn run_all(task: &Task<'_>, session: &mut dyn Session, observer: &mut dyn Observer) -> Result<u64, JobError> {
    let mut samples = open_samples(task, session.inputs())?;
    let mut count = 0;
    while let Some(inputs) = samples.next_sample()? {
        if count == limits::MAX_OUTPUT_SAMPLES {
            let message = format!("there are more than {count} input samples");
            return Err(JobError::new(ErrorKind::Request, message));
        }
        run_sample(session, &inputs, count, observer)?;
        count += 1;
    }
    Ok(count)
}

fn run_sample(
    session: &mut dyn Session,
    inputs: &[TensorData],
    sample: u64,
    observer: &mut dyn Observer,
) -> Result<(), JobError> {
    session.set_inputs(inputs)?;
    session.run()?;
    for (index, tensor) in (0..).zip(session.read_outputs()?) {
        check_size(&tensor)?;
        observer.output(sample, index, tensor)?;
    }
    Ok(())
}

fn check_size(tensor: &TensorData) -> Result<(), JobError> {
    let (bytes, limit) = (tensor.bytes.len(), limits::MAX_OUTPUT_BYTES);
    if bytes > limit {
        let message = format!("an output of {bytes} bytes is over the limit of {limit} bytes");
        return Err(JobError::new(ErrorKind::Request, message));
    }
    Ok(())
}
