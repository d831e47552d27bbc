//! A bare program on a runtime, with nothing of the agent's: what the agent's latency and memory are compared with.
//!
//!     bare tract MODEL SECONDS
//!     bare ort MODEL SECONDS LIBRARY
//!
//! It loads the model as the runtime's own documentation does, on one thread, with a first axis that is open as 1 and all inputs 0.5,
//! warms up for half a second, runs for so many seconds (at least 5 times; 0 seconds: 5 times without a warm-up), and prints the
//! median of a run in nanoseconds. `/usr/bin/time -v` in front of it tells the peak of its memory.

use std::{
    env,
    error::Error,
    hint::black_box,
    time::{Duration, Instant},
};

use ort::{
    environment::Environment,
    session::{Session, SessionInputValue},
    value::Tensor as OrtTensor,
};
use tract_onnx::{
    prelude::{Datum, Framework, InferenceFact, InferenceModelExt, IntoRunnable, TValue, TVec, Tensor},
    tract_hir::infer::Factoid,
};

const WARM_UP: Duration = Duration::from_millis(500);

const LEAST_RUNS: usize = 5;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let median_ns = match arguments.as_slice() {
        ["tract", model, seconds] => tract(model, seconds.parse()?)?,
        ["ort", model, seconds, library] => onnx_runtime(model, seconds.parse()?, library)?,
        _ => return Err("usage: bare tract MODEL SECONDS | bare ort MODEL SECONDS LIBRARY".into()),
    };
    println!("{median_ns}");
    Ok(())
}

fn tract(path: &str, seconds: f64) -> Outcome<u64> {
    let mut model = tract_onnx::onnx().with_ignore_value_info(true).model_for_path(path)?;
    let mut shapes = Vec::new();
    for index in 0..model.inputs.len() {
        let dims = model.input_fact(index)?.shape.dims();
        let shape: Vec<usize> = dims
            .map(|dim| dim.concretize().and_then(|dim| dim.to_i64().ok()).map_or(1, |size| size as usize))
            .collect();
        model.set_input_fact(index, InferenceFact::dt_shape(f32::datum_type(), shape.clone()))?;
        shapes.push(shape);
    }
    let runnable = model.into_optimized()?.into_runnable()?;
    let input = |shape: &Vec<usize>| Ok(Tensor::from_shape(shape, &vec![0.5_f32; shape.iter().product()])?.into());
    let inputs: TVec<TValue> = shapes.iter().map(input).collect::<Outcome<_>>()?;
    median_of(seconds, || {
        black_box(runnable.run(inputs.clone())?);
        Ok(())
    })
}

fn onnx_runtime(path: &str, seconds: f64, library: &str) -> Outcome<u64> {
    let environment: Environment = ort::init_from(library)?.with_name("bare").build()?;
    let mut session = Session::builder(&environment)?.with_intra_threads(1)?.commit_from_file(path)?;
    let mut inputs: Vec<SessionInputValue<'static>> = Vec::new();
    for input in session.inputs() {
        let shape = input.dtype().tensor_shape().ok_or("an input is no tensor")?;
        let shape: Vec<i64> = shape.iter().map(|size| (*size).max(1)).collect();
        let values = vec![0.5_f32; shape.iter().product::<i64>() as usize];
        inputs.push(OrtTensor::from_array((shape, values))?.into_dyn().into());
    }
    median_of(seconds, || {
        black_box(session.run(inputs.as_slice())?);
        Ok(())
    })
}

fn median_of(seconds: f64, mut run: impl FnMut() -> Outcome<()>) -> Outcome<u64> {
    let begun = Instant::now();
    while seconds > 0.0 && begun.elapsed() < WARM_UP {
        run()?;
    }
    let (measured, begun) = (Duration::from_secs_f64(seconds), Instant::now());
    let mut samples_ns = Vec::new();
    while samples_ns.len() < LEAST_RUNS || begun.elapsed() < measured {
        let started = Instant::now();
        run()?;
        samples_ns.push(started.elapsed().as_nanos() as u64);
    }
    samples_ns.sort_unstable();
    Ok(samples_ns[samples_ns.len() / 2])
}
