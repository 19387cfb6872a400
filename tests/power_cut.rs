//! What was acknowledged is there after a power cut. The disk is an ext4 of the test's own, shut down
//! without its journal. For root.

use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use fluvio_secret_protocol::Rotate;

use crate::durability::{WRITERS, Writer, daemon, end, random, temporary, wait_until_it_serves};
use crate::harness::ask::Asker;
use crate::harness::mount::{Mount, make_ext4};
use crate::harness::{Home, Layout, eventually, make_folder, need};

/// How often the power is cut.
fn cuts() -> u32 {
    if std::env::var_os("FLUVIO_SECRET_TORTURE").is_some() { 300 } else { 30 }
}

/// A daemon that is killed at the latest when the test fails: its clients wait for its end.
struct Killed(Option<Child>);

impl Killed {
    fn kill(&mut self) {
        self.0.take().into_iter().for_each(end);
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts a change of everything. The power cut ends it at any moment.
fn rotate(home: &Home) {
    let rotate = Rotate { drop_history: false, passphrase: None };
    // Without the power it is refused, or not answered.
    let _ = Asker::connect(home).and_then(|mut asker| asker.call(&rotate));
}

#[test]
fn a3_no_power_cut_loses_or_brings_back_what_was_acknowledged() {
    cut_under_writers(Layout::Together);
}

#[test]
fn a3_no_power_cut_does_that_with_the_history_on_another_disk() {
    cut_under_writers(Layout::Apart);
}

fn cut_under_writers(layout: Layout) {
    if !need::root() || !need::loop_devices() || !need::tool("mkfs.ext4") || !need::tool("perl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("disk");
    make_ext4(&image, 64, &[]);
    let other_image = folder.path().join("other");
    make_ext4(&other_image, 64, &[]);
    let home = Home::new();
    let acknowledged = Arc::new(AtomicU64::new(0));
    let mut writers: Vec<_> = (0..WRITERS).map(|n| Writer::new(n, &acknowledged)).collect();
    let (cuts, mut rotations) = (cuts(), 0);
    for cut in 0..=cuts {
        let disk = Mount::of_image(&image, &home.path(""));
        let other = (layout == Layout::Apart).then(|| {
            make_folder(&home.path("data/history"), 0o700);
            Mount::of_image(&other_image, &home.path("data/history"))
        });
        let mut process = daemon(&home);
        wait_until_it_serves(&home, &mut process);
        let mut asker = Asker::connect(&home).unwrap();
        writers.iter_mut().for_each(|writer| writer.check(&mut asker).unwrap());
        let is_ours =
            |name: &String| writers.iter().flat_map(|w| &w.names).any(|k| k.name == *name);
        assert!(asker.list().unwrap().unwrap().iter().all(is_ours));
        if cut == cuts {
            home.ok(&["set", "LAST", "value"]);
            assert_eq!(temporary(&home), Vec::<String>::new());
            end(process);
            drop(asker);
            other.into_iter().for_each(Mount::unmount);
            disk.unmount();
            break;
        }
        thread::scope(|scope| {
            let mut daemon = Killed(Some(process));
            for writer in &mut writers {
                let mut asker = Asker::connect(&home).unwrap();
                scope.spawn(move || writer.write_until_cut(&mut asker));
            }
            if cut % 3 == 2 {
                rotations += 1;
                scope.spawn(|| rotate(&home));
            }
            let before = acknowledged.load(Ordering::Relaxed);
            eventually("a change", || acknowledged.load(Ordering::Relaxed) > before);
            thread::sleep(Duration::from_micros(random(100_000)));
            disk.cut_power();
            other.iter().for_each(Mount::cut_power);
            daemon.kill();
        });
        drop(asker);
        other.into_iter().for_each(Mount::unmount);
        disk.unmount();
    }
    let acknowledged = acknowledged.load(Ordering::Relaxed);
    let unknown: u64 = writers.iter().map(|writer| writer.unknown).sum();
    need::say(&format!(
        "a3: {layout:?}: {cuts} power cuts ({rotations} of them in a rotation), {acknowledged} changes \
         acknowledged, {unknown} cut off"
    ));
}
