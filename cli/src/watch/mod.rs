//! Starts a connector again when its configuration, a file or one of its secrets changes.
//!
//! * [`supervisor`]: reacts to changes, and decides
//! * [`connector`]: whether it runs, stops or waits; [`process_group`]: its process; [`pace`]: how soon it may be
//!   restarted again
//! * [`inputs`]: the watched files, with [`files`] (events), [`path_chain`] (the names on the path to a file),
//!   [`debounce`] (when to read them) and [`content`](mod@content)
//! * [`subscription`]: changes of secrets; [`lock_watch`]: a locked vault
//! * [`hold`]: a change with which the connector would not start
//! * [`report`]: the lines that are printed
//!
//! One thread does everything. The others (events of files, messages of the daemon, signals) only send to it.
//! It never sees a value: the child is the shim, which requests them itself.

mod args;
mod connector;
mod content;
mod debounce;
mod files;
mod hold;
mod inputs;
mod lock_watch;
mod pace;
mod path_chain;
mod process_group;
mod report;
mod subscription;
mod supervisor;

pub(crate) use self::args::WatchArgs;
pub(crate) use self::supervisor::{Plan, supervise};
