//! What the way to a device costs: seconds per job of a small model, and what is sent to a device that has its agent
//! already, over ssh to this machine and without ssh.
//!
//! `host/benches/loopback_ssh.sh AGENT cargo bench -p edgefit --bench way -- [JOBS] [DEVICE...]`, where AGENT is an `edgefit-agent` for
//! this machine, and the devices are `local` and `ssh://loopback` unless others are named. Each job is a fresh process of the agent; the
//! devices take turns. ssh counts its bytes itself, encrypted and with its own key exchange; a connection that does nothing is counted
//! beside.

#[path = "program/mod.rs"]
mod program;

use std::process::{Command, ExitCode};
use std::time::Instant;

use edgefit::device::{Device, MeasureRequest, Registry};
use edgefit::error::{Error, ErrorKind, Result};
use edgefit_graph::op::{Activation, Conv, Dense, Flatten, GlobalAvgPool};
use edgefit_graph::{AutoPad, Graph, GraphBuilder, GraphError, Op, Shape, Window};
use edgefit_onnx::{ExportOptions, export};
use edgefit_protocol::runtime::RuntimeName;
use edgefit_train::initial_weights;
use program::Arguments;

/// Convolutions of the model, of 3x3 over 32x32x32: about a millisecond.
const LAYERS: usize = 2;
const CHANNELS: usize = 32;

/// Where `loopback_ssh.sh` has ssh write what it sent.
const SSH_LOG: &str = "EDGEFIT_SSH_LOG";

/// Connections of which the bytes are the mean.
const CONNECTIONS: u64 = 5;

fn main() -> ExitCode {
    program::run(measure)
}

fn measure(arguments: &Arguments) -> Result<()> {
    let jobs = arguments.number(0, 100);
    let named: Vec<&str> = (1..).map_while(|at| arguments.text(at)).collect();
    let names = if named.is_empty() { vec!["local", "ssh://loopback"] } else { named };
    let model = model()?;
    let mut devices = names.iter().map(|name| Way::open(name, &model)).collect::<Result<Vec<_>>>()?;
    for _ in 0..jobs {
        devices.iter_mut().try_for_each(|way| way.job(&model))?;
    }
    println!("| device | connected first, s | second, s | s per job, mean of {jobs} | model's median, ms |");
    println!("| --- | --- | --- | --- | --- |");
    for way in &devices {
        let (seconds, median_ms) = (way.seconds / f64::from(jobs), way.median_ms / f64::from(jobs));
        let [first, second] = way.connected_s;
        println!("| {} | {first:.3} | {second:.3} | {seconds:.4} | {median_ms:.3} |", way.name);
    }
    drop(devices);
    names.iter().filter(|name| name.starts_with("ssh:")).try_for_each(|name| bytes(name))
}

/// A device and what its jobs took.
struct Way {
    name: String,
    device: Device,
    connected_s: [f64; 2],
    seconds: f64,
    median_ms: f64,
}

impl Way {
    /// Connects twice, and sends the model.
    fn open(name: &str, model: &[u8]) -> Result<Self> {
        let (first, first_s) = connect(name)?;
        drop(first);
        let (device, second_s) = connect(name)?;
        let mut way =
            Self { name: name.to_owned(), device, connected_s: [first_s, second_s], seconds: 0.0, median_ms: 0.0 };
        way.job(model)?;
        (way.seconds, way.median_ms) = (0.0, 0.0);
        Ok(way)
    }

    fn job(&mut self, model: &[u8]) -> Result<()> {
        let request =
            MeasureRequest { per_operator: None, memory_processes: 0, ..MeasureRequest::search(RuntimeName::Tract) };
        let begun = Instant::now();
        let measurement = self.device.measure(model, &request)?;
        self.seconds += begun.elapsed().as_secs_f64();
        self.median_ms += measurement.median_ns() / 1e6;
        Ok(())
    }
}

fn connect(name: &str) -> Result<(Device, f64)> {
    let begun = Instant::now();
    let device = Registry::new(None).connect(name)?;
    Ok((device, begun.elapsed().as_secs_f64()))
}

/// Says what a connection sends that finds its agent in place, and what one that does nothing.
fn bytes(name: &str) -> Result<()> {
    let host = name.trim_start_matches("ssh://");
    let storage = |error: std::io::Error| Error::new(ErrorKind::Storage, error);
    let (before, connections) = sent()?;
    for _ in 0..CONNECTIONS {
        drop(connect(name)?);
    }
    let (own, with_agent) = sent()?;
    for _ in 0..CONNECTIONS {
        Command::new("ssh").args(["-T", host, "true"]).status().map_err(storage)?;
    }
    let (bare, _) = sent()?;
    let (own, bare) = ((own - before) / CONNECTIONS, (bare - own) / CONNECTIONS);
    let times = (with_agent - connections) / CONNECTIONS;
    let more = own.saturating_sub(times * bare);
    println!(
        "{name}: ssh sent {own} bytes in {times} connections; one that runs `true` sends {bare}, so edgefit {more}"
    );
    Ok(())
}

/// Bytes that ssh sent until now, and in how many connections.
fn sent() -> Result<(u64, u64)> {
    let path = std::env::var_os(SSH_LOG);
    let path =
        path.ok_or_else(|| Error::new(ErrorKind::Usage, format!("{SSH_LOG} names no file: run loopback_ssh.sh")))?;
    let log = std::fs::read_to_string(path).map_err(|error| Error::new(ErrorKind::Storage, error))?;
    let counts =
        log.lines().filter_map(|line| line.split_once("Transferred: sent ")?.1.split(',').next()?.parse().ok());
    Ok(counts.fold((0, 0), |(bytes, count), sent: u64| (bytes + sent, count + 1)))
}

fn model() -> Result<Vec<u8>> {
    let graph = graph().map_err(|error| Error::new(ErrorKind::Internal, error))?;
    let weights = initial_weights(&graph, 1);
    export(&graph, &weights, &ExportOptions::default()).map_err(|error| Error::new(ErrorKind::Internal, error))
}

fn graph() -> std::result::Result<Graph, GraphError> {
    let mut builder = GraphBuilder::new();
    let mut at = builder.input("input", Shape::new([CHANNELS, 32, 32]))?;
    for layer in 0..LAYERS {
        let window = Window::new(2, 3, 1, AutoPad::Same);
        let conv = Conv { out_channels: CHANNELS, window, groups: 1, bias: true };
        at = builder.add(format!("conv_{layer}"), Op::Conv(conv), &[at])?;
        at = builder.add(format!("relu_{layer}"), Op::Activation(Activation::Relu), &[at])?;
    }
    at = builder.add("pool", Op::GlobalAvgPool(GlobalAvgPool), &[at])?;
    at = builder.add("flatten", Op::Flatten(Flatten), &[at])?;
    at = builder.add("dense", Op::Dense(Dense { out_features: 10, bias: true }), &[at])?;
    builder.finish(&[at])
}
