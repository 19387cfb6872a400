//! Under the name `cdk`: comes first on PATH, and gives the connectors that the real one starts their
//! secrets.
//!
//! * [`args`] and [`words`]: which command lines concern us
//! * [`index`]: what the real one has deployed
//! * [`real`]: where the real one is
//! * [`watcher`]: the process that removes a lease when its last holder is gone
//!
//! Everything else reaches the real one byte for byte. This process becomes it, so its standard streams,
//! signals and exit status are its own.

mod args;
mod index;
mod real;
pub(crate) mod watcher;
mod words;

use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Command;
use std::{fs, io};

use fluvio_secret_protocol::{
    CLI, ClientError, CreateLease, Grant, Granted, InjectMode, Leased, StartCommand,
    beside_this_program, connect_or_start, supervisor,
};
use fluvio_secret_system::harden::harden;
use fluvio_secret_system::places::StateDirectory;
use fluvio_secret_system::project::VAULT_VARIABLE;
use fluvio_secret_system::{inherited, logout};
use rustix::fs::{Mode, OFlags, fchmod, open};
use rustix::io::{Errno, FdFlags, fcntl_setfd};
use zeroize::Zeroizing;

use self::args::{CdkPlan, CdkStart, CdkWatch};
use self::real::{CDK_GUARD, CDK_PROGRAM};
use crate::delivery::{self, Delivery};
use crate::error::{MAKE_TMPDIR, OWN_TMPDIR, ShimError};
use crate::launch::{LaunchError, PreparedConnector};
use crate::message::say;
use crate::{command, config, log_level, message, supervised, unlock};

/// Whether this program was started under that name.
pub(crate) fn is_our_name(program: Option<&OsString>) -> bool {
    let name = program.and_then(|program| Path::new(program).file_name());
    name == Some(OsStr::new(CDK_PROGRAM))
}

/// Becomes the real `cdk`, or says why not.
pub(crate) fn run(args: Vec<OsString>) -> Result<Infallible, ShimError> {
    let plan = match args::plan(&args) {
        CdkPlan::Watch(CdkWatch { config, options, args }) => {
            let named = [OsString::from("--config"), config.into()];
            return become_cli("watch-cdk", named.into_iter().chain(options), args);
        }
        CdkPlan::Mask(args) => return become_cli("mask-cdk", [], args),
        plan => plan,
    };
    supervised::end_with_supervisor()?;
    let hardened = harden().map_err(ShimError::System)?;
    let prepared = match prepare(plan, args, None) {
        Ok(prepared) => prepared,
        Err(error) => match unlock::where_locked(error, hardened)? {},
    };
    hardened.release().map_err(ShimError::System)?;
    Err(prepared.exec())
}

/// Becomes the command line, which starts this program, or what this program would become.
fn become_cli(
    word: &str,
    options: impl IntoIterator<Item = OsString>,
    args: Vec<OsString>,
) -> Result<Infallible, ShimError> {
    let path = beside_this_program(CLI).map_err(ClientError::Start)?;
    let mut cli = Command::new(&path);
    cli.arg(word).args(options).arg("--").args(args);
    let source = inherited::exec(cli, path.as_os_str());
    Err(ShimError::exec(path.into(), None, source))
}

/// Prepares `cdk test` for a program that stays its parent. The arguments are those of `cdk`.
///
/// # Errors
///
/// Those of the shim, which is at this path, except that of the exec.
pub fn prepare_cdk(args: Vec<OsString>, shim: &Path) -> Result<PreparedConnector, LaunchError> {
    prepare(args::plan(&args), args, Some(shim)).map_err(LaunchError)
}

/// The real `cdk`, with the secrets of its connector.
fn prepare(
    plan: CdkPlan,
    args: Vec<OsString>,
    shim: Option<&Path>,
) -> Result<PreparedConnector, ShimError> {
    if let CdkPlan::Refuse(option) = plan {
        return Err(ShimError::Option(option));
    }
    let real = real::find(shim).map_err(ShimError::NoCdk)?;
    let mut cdk = Command::new(&real);
    cdk.env_remove(supervisor::VARIABLE).env_remove(unlock::UNLOCK_GUARD);
    cdk.env_remove(inherited::PIPE_VARIABLE).env_remove(VAULT_VARIABLE);
    match real::guard() {
        Some(guard) => cdk.env(CDK_GUARD, guard),
        None => return Err(ShimError::CdkLoop { found: real }),
    };
    let mut cdk = PreparedConnector::without_secrets(cdk);
    match plan {
        CdkPlan::Start(start) => deliver(&mut cdk, &start, args, shim)?,
        CdkPlan::OwnSecrets(file) => {
            note_index_of_another_user(&args);
            say(&format!(
                "note: the connector gets its secrets from {}, not from the vault",
                file.display()
            ));
            cdk.command.args(args);
        }
        CdkPlan::Pass(Some(why)) => {
            note_index_of_another_user(&args);
            say(&format!("warning: cdk runs without secrets from the vault: {why}"));
            cdk.command.args(args);
        }
        // What is handed to the command line comes back without the option for that.
        CdkPlan::Pass(None) | CdkPlan::Refuse(_) | CdkPlan::Mask(_) | CdkPlan::Watch(_) => {
            note_index_of_another_user(&args);
            cdk.command.args(args);
        }
    }
    Ok(cdk)
}

/// Gives the connector its secrets.
fn deliver(
    cdk: &mut PreparedConnector,
    start: &CdkStart,
    typed: Vec<OsString>,
    shim: Option<&Path>,
) -> Result<(), ShimError> {
    let Some(config) = with_references(&start.config)? else {
        note_index_of_another_user(&start.args);
        cdk.command.args(&start.args);
        return Ok(());
    };
    let state = StateDirectory::from_environment().map_err(ClientError::Place)?;
    let vault = config::vault_of(&start.config, start.vault.as_deref())?;
    let mut client = connect_or_start(&state)?.about(vault);
    let text = config.clone();
    let grant = Grant {
        label: command::config_label(&start.config),
        program: CDK_PROGRAM.to_owned(),
        check: start.check,
        identity: state.expected_identity(),
        config,
    };
    let faulty = |checked| ShimError::faulty(&checked, &start.config, &text);
    log_level::warn(&text, start.log_level.as_deref());
    match start.inject {
        Some(InjectMode::Env) => {
            let granted = client.call(grant)?.map_err(faulty)?;
            message::note(granted.note.as_deref());
            by_environment(&mut cdk.command, start, &granted)?;
            cdk.by_environment = true;
            cdk.granted = granted;
        }
        // The setting does not count here: as environment variables the values would reach every
        // build script, so an option has to ask for that.
        Some(InjectMode::Auto | InjectMode::File) | None => {
            let leased = client.call(CreateLease(grant))?.map_err(faulty)?;
            message::note(leased.note.as_deref());
            let connector = leased.connector.clone().unwrap_or_default();
            by_lease(cdk, start, leased, shim)?;
            if let Some(secrets) = cdk.lease.as_ref().filter(|_| start.stays) {
                keep_command(start, typed, connector, secrets).map_err(ShimError::System)?;
                warn_of_logout(secrets, &state);
            }
        }
    }
    Ok(())
}

/// A configuration that may have references. `cdk` reports one that cannot be read.
fn with_references(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, ShimError> {
    // Every reference has this word in it.
    let has_word = |config: &[u8]| config.windows(6).any(|window| window == b"secret");
    match config::read(path) {
        Ok(config) if has_word(&config) => Ok(Some(config)),
        // With references, the connector needs its secrets. Without them, this is for `cdk` to report.
        Err(error @ ShimError::LargeConfig { .. })
            if fs::read(path).is_ok_and(|config| has_word(&config)) =>
        {
            Err(error)
        }
        Ok(_) | Err(_) => Ok(None),
    }
}

fn by_environment(cdk: &mut Command, start: &CdkStart, granted: &Granted) -> Result<(), ShimError> {
    let delivery = delivery::choose(InjectMode::Env, granted).map_err(ShimError::Unfit)?;
    if delivery != Delivery::Nothing {
        refuse_deployed(start, granted.connector.as_ref())?;
    }
    cdk.args(&start.args);
    if let Delivery::Environment { .. } = delivery {
        say("warning: with --inject env, every build script that cdk runs can read the values");
        if start.stays {
            say(NOT_FOUND_LATER);
        }
        make_log_private(start, granted.connector.as_ref());
        command::set_environment(cdk, granted);
    }
    Ok(())
}

const NOT_FOUND_LATER: &str = "\
note: `set`, `restart` and `watch` do not find this connector, because it has no secrets file
help: after you change one of its secrets, restart it with cdk yourself";

fn by_lease(
    cdk: &mut PreparedConnector,
    start: &CdkStart,
    leased: Leased,
    shim: Option<&Path>,
) -> Result<(), ShimError> {
    let (before, after) = start.args.split_at(start.at);
    cdk.command.args(before);
    if let Some(lease) = leased.lease {
        refuse_deployed(start, leased.connector.as_ref())?;
        hold(Path::new(&lease.hold), shim)?;
        make_log_private(start, leased.connector.as_ref());
        cdk.command.arg("--secrets").arg(&lease.secrets);
        cdk.lease = Some(lease.secrets.into());
    }
    cdk.command.args(after);
    Ok(())
}

/// Keeps the command line with the lease, so that the connector can be started again.
fn keep_command(
    start: &CdkStart,
    typed: Vec<OsString>,
    connector: String,
    secrets: &Path,
) -> io::Result<()> {
    let (directory, config) = (std::env::current_dir()?, start.config.clone());
    let command = StartCommand { connector, directory, config, args: typed };
    command.write(secrets.parent().unwrap_or(secrets))
}

/// Makes the file for the connector's output, which `cdk` then opens, so that only you can read it. `cdk` reports
/// what is wrong with it.
fn make_log_private(start: &CdkStart, connector: Option<&String>) {
    let Some(connector) = connector.filter(|name| start.stays && !name.contains('/')) else {
        return;
    };
    let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let mode = Mode::RUSR | Mode::WUSR;
    if let Ok(log) = open(format!("{connector}.log"), flags | OFlags::CLOEXEC, mode) {
        // It may be there from an earlier start.
        let _ = fchmod(log, mode);
    }
}

/// Warns once if a lease would not outlive the login.
fn warn_of_logout(lease: &Path, state: &StateDirectory) {
    if logout::removes(lease) && state.is_first_time("logging-out") {
        say(
            "warning: when you log out, running connectors lose their secrets (shown once)\nhelp: keep them with: loginctl enable-linger",
        );
    }
}

/// Refuses a connector that `cdk` would start with its secrets and then lose: its name is taken, or the
/// list of connectors cannot be written.
fn refuse_deployed(start: &CdkStart, connector: Option<&String>) -> Result<(), ShimError> {
    if start.stays { refuse_lost(connector.map(String::as_str)) } else { Ok(()) }
}

fn refuse_lost(connector: Option<&str>) -> Result<(), ShimError> {
    if let Some(index) = index::unwritable() {
        return Err(ShimError::Index(index));
    }
    match connector {
        Some(connector) if index::has(connector) => {
            Err(ShimError::Deployed { connector: connector.to_owned() })
        }
        _ => Ok(()),
    }
}

/// Refuses to start a deployed connector again under the name that its configuration has now, for the same
/// reasons. This is known before it is stopped. It may keep its own name.
///
/// # Errors
///
/// Those of a start.
pub fn refuse_lost_restart(connector: &str, now: Option<&str>) -> Result<(), LaunchError> {
    refuse_lost(now.filter(|now| *now != connector)).map_err(LaunchError)
}

/// Whether the list of `cdk` has a connector of this name, which runs or has stopped.
#[must_use]
pub fn is_deployed(connector: &str) -> bool {
    index::has(connector)
}

/// Warns where `cdk deploy` would show, or fail at, the connectors of another user.
fn note_index_of_another_user(args: &[OsString]) {
    if args.first().is_some_and(|word| word == "deploy")
        && let Some((path, owner)) = index::of_another_user()
    {
        say(&format!(
            "note: {}, where cdk lists its connectors, belongs to uid {owner}\nhelp: {OWN_TMPDIR}: {MAKE_TMPDIR}",
            path.display()
        ));
    }
}

/// Opens the lease's FIFO for the life of this process, whatever it becomes, and starts the lease's
/// watcher. The FIFO holds nothing of the secrets.
fn hold(fifo: &Path, shim: Option<&Path>) -> Result<(), ShimError> {
    let failed = |error: Errno| match error {
        // A daemon that exited has closed its end, and the next one removed the lease without a holder.
        Errno::NOENT | Errno::NXIO => ShimError::LeaseGone,
        error => ShimError::System(error.into()),
    };
    let writer = open_end(fifo, OFlags::WRONLY).map_err(failed)?;
    // After the write end: a read end opened first would pass for the daemon's. The FIFO has lost its name
    // if the next daemon looked for holders a moment too early.
    let reader = open_end(fifo, OFlags::RDONLY).map_err(failed)?;
    let lease = fifo.parent().ok_or(ShimError::LeaseGone)?;
    watcher::start(lease, reader, shim)?;
    // Not before: the watcher would inherit it, and hold the lease that it waits for.
    fcntl_setfd(&writer, FdFlags::empty()).map_err(failed)?;
    std::mem::forget(writer);
    Ok(())
}

fn open_end(fifo: &Path, end: OFlags) -> rustix::io::Result<OwnedFd> {
    open(fifo, end | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty())
}
