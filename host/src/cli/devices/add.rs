//! `edgefit devices add`: a device with what is said of how it is used. No device is asked; that is what `check` does.

use clap::Args;
use clap::builder::TypedValueParser;
use edgefit_protocol::runtime::RuntimeName;

use super::output;
use crate::device::{Entry, Registry};
use crate::error::Result;

/// Arguments of `edgefit devices add`.
#[derive(Debug, Args)]
pub(in crate::cli) struct AddArgs {
    /// Its name, as other commands take it by --device
    name: String,
    /// ssh://[USER@]HOST[:PORT], adb:SERIAL (adb: for the only phone), tcp://HOST:PORT?token=TOKEN, or pool:NAME,NAME of equal devices
    url: String,
    /// What runs models there, unless a command says otherwise
    #[arg(long, value_parser = runtime())]
    runtime: Option<RuntimeName>,
    /// Threads, unless a command says otherwise
    #[arg(long, value_name = "N")]
    threads: Option<u32>,
    /// Cores, unless a command says otherwise: any, big, little, or numbers such as 0-3
    #[arg(long, value_name = "CORES")]
    affinity: Option<String>,
    /// ONNX Runtime's library on the device [default: the device's, or else one that this machine has for it]
    #[arg(long, value_name = "FILE")]
    library: Option<String>,
    /// Wait before each measurement until the processor is as cool, in degrees Celsius
    #[arg(long, value_name = "CELSIUS")]
    cool_down: Option<f32>,
    /// Longest wait for that, in seconds [default: 300]
    #[arg(long, value_name = "SECONDS", requires = "cool_down")]
    cool_down_limit: Option<u64>,
    /// How often a job is tried again on a fresh connection [default: 3]
    #[arg(long, value_name = "N")]
    retries: Option<u32>,
    /// Where agent and models lie on the device [default: ~/.cache/edgefit, on a phone /data/local/tmp/edgefit]
    #[arg(long)]
    folder: Option<String>,
    /// The agent's target, instead of what the device says, such as aarch64-unknown-linux-musl
    #[arg(long)]
    target: Option<String>,
    /// A command of the device that runs the agent in place of a processor, such as "qemu-aarch64-static -L /usr/aarch64-linux-gnu"
    #[arg(long, value_name = "COMMAND")]
    emulator: Option<String>,
    /// Android: switch fixed performance on while models are measured, and off afterwards
    #[arg(long)]
    fixed_performance: bool,
}

/// Runs the command.
pub(super) fn run(args: AddArgs, registry: &Registry) -> Result<()> {
    let entry = Entry {
        url: args.url,
        runtime: args.runtime,
        threads: args.threads,
        affinity: args.affinity,
        library: args.library,
        cool_down_celsius: args.cool_down,
        cool_down_seconds: args.cool_down_limit,
        retries: args.retries,
        folder: args.folder,
        target: args.target,
        emulator: args.emulator,
        fixed_performance: args.fixed_performance,
    };
    registry.add(&args.name, &entry)?;
    let (name, file) = (args.name, registry.file()?.display());
    output::print(&format!("added {name} to {file}; see whether all is there: edgefit devices check {name}\n"))
}

fn runtime() -> impl TypedValueParser<Value = RuntimeName> {
    super::super::running::named(RuntimeName::ALL.map(|runtime| (runtime.name(), runtime)))
}
