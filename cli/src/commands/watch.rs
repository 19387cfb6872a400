//! `watch`: restarts connectors that `cdk` started when something changes.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::sync::Arc;

use clap::Args;
use fluvio_secret_system::harden::Hardened;

use super::shim::{as_cdk, shim_path};
use crate::argument;
use crate::error::CliError;
use crate::format::{LogFormat, OutputArgs};
use crate::watch::{self, FollowPlan};

/// Restart connectors of cdk when something changes
#[derive(Args, Debug)]
#[command(mut_arg("format", |format| format.help("Format of the messages about restarts")))]
#[command(after_help = "\
All connectors that `cdk deploy start` started and that have secrets are followed, also those that
you start later. A connector restarts as with `restart`, after you save its configuration or change
one of its secrets. If it would not start, the old connector keeps running.

A connector that already has an earlier value of a secret restarts at once. Ctrl-C leaves all
connectors running.

Example:
  fluvio-secret watch
  fluvio-secret watch --only cat-facts")]
pub(crate) struct FollowArgs {
    /// Follow only the connector of this name (repeatable)
    #[arg(long, value_name = "NAME", add = argument::connectors())]
    only: Vec<String>,

    #[command(flatten)]
    output: OutputArgs<LogFormat>,
}

pub(super) fn watch(args: FollowArgs, hardened: Hardened) -> Result<(), CliError> {
    let path = shim_path()?;
    let cdk = move |args: &[OsString]| {
        let mut cdk = as_cdk(&path, args);
        // A connector stays in the group of its `cdk`, and Ctrl-C is for our group.
        cdk.process_group(0);
        cdk
    };
    let plan = FollowPlan { only: args.only, format: args.output.format, cdk: Arc::new(cdk) };
    watch::follow(plan, hardened)
}
