//! For the tests: what Fluvio's `fluvio` does with topics, without a cluster.
//!
//! It takes the same command lines, prints the same lines, and fails with the same words. The cluster is the
//! directory that `FLUVIO_STAND_IN` names. Tests order faults by files in it, see [`faults`].

#![allow(clippy::print_stderr, clippy::print_stdout, reason = "a program for tests")]

mod changes;
mod consume;
mod delivery;
mod faults;
mod log;
mod produce;
mod topic;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::log::Cluster;

/// What a command ends with; the error is what it prints.
type Outcome = Result<(), String>;

#[derive(Parser)]
#[command(name = "fluvio")]
struct CommandLine {
    /// Accepted, because users have profiles: this program has one cluster.
    #[arg(short = 'c', long)]
    cluster: Option<String>,
    #[arg(short = 'P', long)]
    profile: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Consume(consume::Consume),
    Produce(produce::Produce),
    #[command(subcommand)]
    Topic(topic::Topic),
}

fn main() -> ExitCode {
    match run(CommandLine::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Outcome {
    let directory = std::env::var_os("FLUVIO_STAND_IN").ok_or("FLUVIO_STAND_IN is not set")?;
    let cluster = Cluster::open(PathBuf::from(directory))?;
    cluster.faults().check_reachable()?;
    match command {
        Command::Consume(consume) => consume.run(&cluster),
        Command::Produce(produce) => produce.run(&cluster),
        Command::Topic(topic) => topic.run(&cluster),
    }
}
