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
use fluvio_secret_system::{inherited, logout};
use rustix::fs::{Mode, OFlags, fchmod, open};
use rustix::io::{Errno, FdFlags, fcntl_setfd};
use zeroize::Zeroizing;

use self::args::{CdkPlan, CdkStart, CdkWatch};
use self::real::{CDK_GUARD, CDK_PROGRAM};
use crate::delivery::{self, Delivery};
use crate::error::{MAKE_TMPDIR, OWN_TMPDIR, ShimError};
use crate::message::say;
use crate::{command, config, log_level, supervised, unlock};

/// Whether this program was started under that name.
pub(crate) fn is_our_name(program: Option<&OsString>) -> bool {
    let name = program.and_then(|program| Path::new(program).file_name());
    name == Some(OsStr::new(CDK_PROGRAM))
}

/// Becomes the real `cdk`, or says why not.
pub(crate) fn run(args: Vec<OsString>) -> Result<Infallible, ShimError> {
    let plan = args::plan(&args);
    if let CdkPlan::Refuse(option) = plan {
        return Err(ShimError::Option(option));
    }
    if let CdkPlan::Watch(watch) = plan {
        return watch_over(watch);
    }
    supervised::end_with_supervisor()?;
    let real = real::find().map_err(ShimError::NoCdk)?;
    let mut cdk = Command::new(&real);
    cdk.env_remove(supervisor::VARIABLE).env_remove(unlock::UNLOCK_GUARD);
    cdk.env_remove(inherited::PIPE_VARIABLE);
    match real::guard() {
        Some(guard) => cdk.env(CDK_GUARD, guard),
        None => return Err(ShimError::CdkLoop { found: real }),
    };
    let environment = match plan {
        CdkPlan::Start(start) => prepare(&mut cdk, start, args)?,
        CdkPlan::Refuse(_) | CdkPlan::Watch(_) => None,
        CdkPlan::OwnSecrets(file) => {
            note_index_of_another_user(&args);
            say(&format!(
                "note: the connector gets its secrets from {}, not from the vault",
                file.display()
            ));
            cdk.args(args);
            None
        }
        CdkPlan::Pass(why) => {
            note_index_of_another_user(&args);
            if let Some(why) = why {
                say(&format!("warning: cdk runs without secrets from the vault: {why}"));
            }
            cdk.args(args);
            None
        }
    };
    let source = inherited::exec(cdk, real.as_os_str());
    Err(ShimError::exec(real.into(), environment.as_ref(), source))
}

/// Becomes the command line, which starts this program for each run, without `--watch`.
fn watch_over(watch: CdkWatch) -> Result<Infallible, ShimError> {
    let path = beside_this_program(CLI).map_err(ClientError::Start)?;
    let mut cli = Command::new(&path);
    cli.arg("watch-cdk").arg("--config").arg(watch.config).args(watch.options);
    cli.arg("--").args(watch.args);
    let source = inherited::exec(cli, path.as_os_str());
    Err(ShimError::exec(path.into(), None, source))
}

/// Gives the connector its secrets, or returns those that go as environment variables.
fn prepare(
    cdk: &mut Command,
    start: CdkStart,
    typed: Vec<OsString>,
) -> Result<Option<Granted>, ShimError> {
    let Some(config) = with_references(&start.config)? else {
        note_index_of_another_user(&start.args);
        cdk.args(start.args);
        return Ok(None);
    };
    let hardened = harden().map_err(ShimError::System)?;
    let state = StateDirectory::from_environment().map_err(ClientError::Place)?;
    let mut client = connect_or_start(&state)?;
    let text = config.clone();
    let grant = Grant {
        label: command::config_label(&start.config),
        program: CDK_PROGRAM.to_owned(),
        check: start.check,
        config,
    };
    let faulty = |checked| ShimError::faulty(&checked, &start.config, &text);
    log_level::warn(&text, start.log_level.as_deref());
    let given = match start.inject {
        Some(InjectMode::Env) => client.call(grant).map(|given| given.map(GrantOrLease::Granted)),
        // The setting does not count here: as environment variables the values would reach every
        // build script, so an option has to ask for that.
        Some(InjectMode::Auto | InjectMode::File) | None => {
            client.call(CreateLease(grant)).map(|given| given.map(GrantOrLease::Leased))
        }
    };
    let environment = match given.map_err(ShimError::from).and_then(|given| given.map_err(faulty)) {
        Ok(GrantOrLease::Granted(granted)) => {
            by_environment(cdk, &start, &granted)?;
            Some(granted)
        }
        Ok(GrantOrLease::Leased(leased)) => {
            by_lease(cdk, &start, typed, leased, &state)?;
            None
        }
        Err(error) => match unlock::where_locked(error, hardened)? {},
    };
    hardened.release().map_err(ShimError::System)?;
    Ok(environment)
}

/// What the daemon gave.
enum GrantOrLease {
    Granted(Granted),
    Leased(Leased),
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
        make_log_private(start, granted.connector.as_ref());
        command::set_environment(cdk, granted);
    }
    Ok(())
}

fn by_lease(
    cdk: &mut Command,
    start: &CdkStart,
    typed: Vec<OsString>,
    leased: Leased,
    state: &StateDirectory,
) -> Result<(), ShimError> {
    let (before, after) = start.args.split_at(start.at);
    cdk.args(before);
    if let Some(lease) = leased.lease {
        refuse_deployed(start, leased.connector.as_ref())?;
        hold(Path::new(&lease.hold))?;
        make_log_private(start, leased.connector.as_ref());
        cdk.arg("--secrets").arg(&lease.secrets);
        if start.stays {
            keep_command(start, typed, Path::new(&lease.hold)).map_err(ShimError::System)?;
            warn_of_logout(Path::new(&lease.secrets), state);
        }
    }
    cdk.args(after);
    Ok(())
}

/// Keeps the command line with the lease, so that the connector can be started again.
fn keep_command(start: &CdkStart, typed: Vec<OsString>, hold: &Path) -> io::Result<()> {
    let (directory, config) = (std::env::current_dir()?, start.config.clone());
    let command = StartCommand { directory, config, args: typed };
    command.write(hold.parent().unwrap_or(hold))
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
    if let Some(index) = index::unwritable().filter(|_| start.stays) {
        return Err(ShimError::Index(index));
    }
    match connector {
        Some(connector) if start.stays && index::has(connector) => {
            Err(ShimError::Deployed { connector: connector.clone() })
        }
        _ => Ok(()),
    }
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
fn hold(fifo: &Path) -> Result<(), ShimError> {
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
    watcher::start(lease, reader)?;
    // Not before: the watcher would inherit it, and hold the lease that it waits for.
    fcntl_setfd(&writer, FdFlags::empty()).map_err(failed)?;
    std::mem::forget(writer);
    Ok(())
}

fn open_end(fifo: &Path, end: OFlags) -> rustix::io::Result<OwnedFd> {
    open(fifo, end | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty())
}
