//! For the tests: what Fluvio's `cdk` does with a connector, without building one.
//!
//! It takes the same command lines, gives the connector canonical paths, and keeps the same index. It starts
//! the connector detached, with its own environment and descriptors. In place of a build it runs `./build` if
//! that exists, as a build script would run. The connector is `./connector`.

#![allow(clippy::print_stdout, reason = "a program for tests")]

mod index;

use std::error::Error;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use clap::{Args, Parser, Subcommand};

use crate::index::{Entry, Index};

type Outcome = Result<(), Box<dyn Error>>;

#[derive(Parser)]
enum CommandLine {
    Deploy(Deploy),
    Test(Test),
}

#[derive(Args)]
struct Package {
    #[arg(long, default_value = "release")]
    release: String,
    #[arg(long)]
    target: Option<String>,
    #[arg(long, short)]
    package_name: Option<String>,
}

#[derive(Args)]
struct Deploy {
    #[command(flatten)]
    _package: Package,
    #[command(subcommand)]
    operation: Operation,
}

#[derive(Subcommand)]
enum Operation {
    Start {
        #[arg(short, long)]
        config: PathBuf,
        #[arg(short, long)]
        secrets: Option<PathBuf>,
        #[arg(long)]
        ipkg: Option<PathBuf>,
        #[arg(long)]
        log_level: Option<String>,
    },
    Shutdown {
        #[arg(short, long)]
        name: String,
    },
    List,
    Log {
        #[arg(short, long)]
        name: String,
    },
}

#[derive(Args)]
struct Test {
    #[command(flatten)]
    _package: Package,
    #[arg(short, long, default_value = "sample-config.yaml")]
    config: PathBuf,
    #[arg(short, long)]
    secrets: Option<PathBuf>,
    #[arg(raw = true)]
    _for_cargo: Vec<String>,
}

fn main() -> ExitCode {
    let outcome = match CommandLine::parse() {
        CommandLine::Deploy(Deploy { operation, .. }) => deploy(operation),
        CommandLine::Test(test) => run(&test.config, test.secrets.as_deref()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("Error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn deploy(operation: Operation) -> Outcome {
    match operation {
        Operation::Start { config, secrets, ipkg, .. } => {
            if ipkg.is_none() {
                build()?;
            }
            start(&config, secrets.as_deref())
        }
        Operation::Shutdown { name } => Index::load().end(&name),
        Operation::List => Index::load().print(),
        Operation::Log { name } => {
            print!("{}", fs::read_to_string(Index::load().find(&name)?.log_file())?);
            Ok(())
        }
    }
}

fn build() -> Outcome {
    if !Path::new("build").exists() {
        return Ok(());
    }
    let status = Command::new("./build").status()?;
    if status.success() { Ok(()) } else { Err("the build failed".into()) }
}

/// The connector's command line, with canonical paths, so both files are on a file system.
fn connector(config: &Path, secrets: Option<&Path>) -> Result<Command, Box<dyn Error>> {
    let mut connector = Command::new("./connector");
    connector.arg("--config").arg(config.canonicalize()?);
    if let Some(secrets) = secrets {
        connector.arg("--secrets").arg(secrets.canonicalize()?);
    }
    Ok(connector)
}

fn start(config: &Path, secrets: Option<&Path>) -> Outcome {
    let name = name(config)?;
    let log = std::env::current_dir()?.join(&name).with_extension("log");
    let output = File::create(&log)?;
    let child = connector(config, secrets)?
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()?;
    println!("Log file: {}", log.display());
    println!("Connector runs with process id: {}", child.id());
    // Only now, after the start, `cdk` notices that the name is taken.
    Index::load().add(Entry::new(child.id(), &name, log))?;
    println!("Started connector `{name}`");
    Ok(())
}

fn run(config: &Path, secrets: Option<&Path>) -> Outcome {
    build()?;
    let status = connector(config, secrets)?.status()?;
    if status.success() { Ok(()) } else { Err("the connector failed".into()) }
}

fn name(config: &Path) -> Result<String, Box<dyn Error>> {
    let config: yaml_serde::Value = yaml_serde::from_str(&fs::read_to_string(config)?)?;
    let name = config.get("meta").and_then(|meta| meta.get("name")).and_then(|name| name.as_str());
    Ok(name.ok_or("the configuration has no name")?.to_owned())
}
