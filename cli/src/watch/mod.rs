//! Starts a connector again when its configuration, a file or one of its secrets changes.
//!
//! * [`supervisor`]: reacts to changes of one connector, which is its child, and decides
//! * [`follower`]: does that for the connectors of `cdk`; [`followed`]: one of them; [`lease_poll`]: which there are
//! * [`connector`]: whether it runs, stops or waits; [`process_group`]: its process; [`pace`]: how soon it may be
//!   restarted again
//! * [`inputs`]: the watched files, with [`files`] (events), [`path_chain`] (the names on the path to a file),
//!   [`debounce`] (when to read them) and [`content`](mod@content)
//! * [`subscription`]: changes of secrets; [`lock_watch`]: a locked vault
//! * [`fitness`]: whether a connector would start; [`hold`]: a change with which it would not
//! * [`report`]: the lines that are printed
//!
//! One thread does everything. The others (events of files, messages of the daemon, signals) only send to it.
//! It never sees a value: the child is the shim, which requests them itself.

mod args;
mod connector;
mod content;
mod debounce;
mod files;
mod fitness;
mod followed;
mod follower;
mod hold;
mod inputs;
mod lease_poll;
mod lock_watch;
mod pace;
mod path_chain;
mod process_group;
mod report;
mod subscription;
mod supervisor;

pub(crate) use self::args::WatchArgs;
pub(crate) use self::follower::{FollowPlan, follow};
pub(crate) use self::supervisor::{Plan, supervise};
