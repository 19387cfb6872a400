//! The prompts of `set` and `unlock`: nothing is shown, and the terminal is as it was afterwards.

use crate::harness::pty::Pty;
use crate::harness::{Home, eventually, is_alive, kill, passphrase, said};

/// `unlock` of a locked vault at its prompt.
fn passphrase_prompt(home: &Home) -> Pty {
    let mut pty = Pty::start(home.command("fluvio-secret").arg("unlock"));
    pty.expect("Passphrase: ");
    eventually("silence", || !pty.has_echo());
    pty
}

#[test]
fn d3_a_passphrase_is_asked_for_without_echo_and_every_end_gives_it_back() {
    let home = Home::new();
    home.set("A", "x");
    passphrase::protect(&home, "cnry-right");
    for signal in ["Ctrl-C", "TERM", "HUP"] {
        let mut pty = passphrase_prompt(&home);
        pty.type_keys("cnry-half");
        match signal {
            "Ctrl-C" => pty.type_keys("\u{3}"),
            signal => kill(signal, pty.child.id()),
        }
        assert!(pty.child.wait().unwrap().code().is_none(), "{signal} ended it");
        assert!(pty.has_echo(), "after {signal}");
    }
    let mut pty = passphrase_prompt(&home);
    pty.type_keys("\u{4}");
    pty.expect("nothing was changed");
    assert_eq!(pty.child.wait().unwrap().code(), Some(1));
    let asked_again = || {
        let mut pty = passphrase_prompt(&home);
        pty.type_keys("cnry-wrong\r");
        let screen = pty.expect("Passphrase: ");
        assert!(screen.contains("not the passphrase") && !screen.contains("cnry"), "{screen}");
        eventually("silence", || !pty.has_echo());
        pty
    };
    let mut pty = asked_again();
    pty.type_keys("cnry-half\u{3}");
    assert!(pty.child.wait().unwrap().code().is_none(), "Ctrl-C ended the second prompt, too");
    assert!(pty.has_echo());
    let mut pty = asked_again();
    pty.type_keys("cnry-right\r");
    let screen = pty.expect("Vault unlocked until");
    assert!(!screen.contains("cnry"), "{screen}");
    assert!(pty.child.wait().unwrap().success());
    assert!(pty.has_echo());
}

#[test]
fn d3_a_new_passphrase_is_typed_twice_and_never_shown() {
    let home = Home::new();
    home.set("A", "x");
    let identity = home.path("config/identity.txt");
    let before = std::fs::read(&identity).unwrap();
    let ask = |answers: [&str; 2], told: &str| {
        let mut pty = Pty::start(home.command("fluvio-secret").args(["key", "passphrase"]));
        for (prompt, answer) in
            ["New passphrase: ", "Repeat the new passphrase: "].iter().zip(answers)
        {
            pty.expect(prompt);
            eventually("silence", || !pty.has_echo());
            pty.type_keys(&format!("{answer}\r"));
        }
        let screen = pty.expect(told);
        assert!(!screen.contains("cnry"), "{screen}");
        pty.child.wait().unwrap().code()
    };
    assert_eq!(
        ask(["cnry-one", "cnry-two"], "the two entries differ, so nothing was changed"),
        Some(1)
    );
    assert_eq!(std::fs::read(&identity).unwrap(), before);
    assert_eq!(ask(["cnry-one", "cnry-one"], "Passphrase set"), Some(0));
    assert!(passphrase::unlock(&home, &[], "cnry-one").status.success());
}

#[test]
fn d3_ctrl_z_at_a_passphrase_gives_the_echo_back_and_fg_asks_again() {
    if !crate::harness::need::tool("bash") {
        return;
    }
    let home = Home::new();
    home.set("A", "x");
    passphrase::protect(&home, "after");
    let mut pty = shell(&home);
    let program = crate::harness::program("fluvio-secret");
    pty.type_keys(&format!("'{}' unlock\n", program.display()));
    stop_and_go_on(&mut pty, "Passphrase: ");
    pty.type_keys("after\n");
    pty.expect("Vault unlocked");
    eventually("the echo", || pty.has_echo());
    pty.type_keys("exit\n");
    pty.child.wait().unwrap();
}

/// A shell with jobs.
fn shell(home: &Home) -> Pty {
    let mut shell = home.foreign("bash");
    shell
        .args(["--norc", "--noprofile", "--noediting", "-i"])
        .env("PS1", "prompt> ")
        .env("TERM", "dumb");
    let mut pty = Pty::start(&shell);
    pty.expect("prompt> ");
    pty
}

/// Ctrl-Z at a prompt, and back to it.
fn stop_and_go_on(pty: &mut Pty, prompt: &str) {
    pty.expect(prompt);
    eventually("silence", || !pty.has_echo());
    pty.type_keys("\u{1a}");
    pty.expect("Stopped");
    eventually("the echo", || pty.has_echo());
    pty.type_keys("fg\n");
    pty.expect(prompt);
    eventually("silence", || !pty.has_echo());
}

fn prompt(home: &Home) -> Pty {
    let mut set = home.command("fluvio-secret");
    set.args(["set", "A"]);
    let mut pty = Pty::start(&set);
    pty.expect("Value of A: ");
    eventually("silence", || !pty.has_echo());
    pty
}

fn delivered(home: &Home) -> String {
    let config = home.config(&["A"]);
    let command = ["sh", "-c", "printf %s \"$A\""];
    said(&mut home.run(&config, &["--as-is"], &command)).out
}

#[test]
fn d3_a_signal_right_behind_enter_is_not_lost() {
    let home = Home::new();
    eventually("a signal before the end", || {
        let mut pty = prompt(&home);
        let pid = pty.child.id();
        pty.type_keys("cnry\r");
        kill("TERM", pid);
        let is_in_time = is_alive(pid);
        let ended = pty.child.wait().unwrap();
        assert!(!is_in_time || ended.code().is_none(), "it went on: {ended:?}");
        is_in_time
    });
}

#[test]
fn d3_half_a_value_is_none_when_the_terminal_goes_away() {
    let home = Home::new();
    home.set("A", "old");
    // Its session keeps running without the terminal.
    let mut set = home.foreign("env");
    set.arg("--ignore-signal=HUP").arg(crate::harness::program("fluvio-secret")).args(["set", "A"]);
    let mut pty = Pty::start(&set);
    pty.expect("Value of A: ");
    eventually("silence", || !pty.has_echo());
    let pid = pty.child.id();
    kill("STOP", pid);
    pty.type_keys("cnry-half");
    eventually("what was typed", || pty.unread() == 9);
    kill("CONT", pid);
    eventually("that it is read", || pty.unread() == 0);
    let ended = pty.hang_up().wait().unwrap();
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    assert_eq!(delivered(&home), "old");
}

#[test]
fn d3_a_value_is_asked_for_without_echo() {
    let home = Home::new();
    let mut pty = prompt(&home);
    pty.type_keys("cnry-wrong\u{15}cnry-typex\u{7f}d\r");
    let screen = pty.expect("set successfully");
    assert!(!screen.contains("cnry"), "{screen}");
    assert!(pty.child.wait().unwrap().success());
    assert!(pty.has_echo());
    assert_eq!(delivered(&home), "cnry-typed");
}

#[test]
fn d3_what_is_read_from_standard_input_is_not_shown_on_a_terminal() {
    let home = Home::new();
    let mut pty = Pty::start(home.command("fluvio-secret").args(["set", "A", "-"]));
    pty.expect("Value of A: ");
    pty.type_keys("cnry-typed\r");
    let shown = pty.expect("set successfully");
    assert!(!shown.contains("cnry"), "{shown}");
    assert!(pty.child.wait().unwrap().success());
    assert_eq!(delivered(&home), "cnry-typed");
    let mut pty = Pty::start(home.command("fluvio-secret").args(["import", "-"]));
    pty.expect("cannot import standard input: it is a terminal");
    assert_eq!(pty.child.wait().unwrap().code(), Some(1));
}

#[test]
fn a_pasted_value_longer_than_a_terminals_line_arrives_whole() {
    let home = Home::new();
    let mut pty = prompt(&home);
    let value = "0123456789".repeat(1000);
    for piece in value.as_bytes().chunks(500) {
        pty.type_keys(std::str::from_utf8(piece).unwrap());
    }
    pty.type_keys("\n");
    pty.expect("set successfully");
    pty.child.wait().unwrap();
    assert!(delivered(&home) == value, "10,000 characters");
}

#[test]
fn d3_a_pasted_value_of_several_lines_is_refused_and_not_left_to_the_shell() {
    let home = Home::new();
    let mut pty = prompt(&home);
    pty.type_keys(&"cnry-line\n".repeat(400));
    let screen = pty.expect("several lines");
    assert!(!screen.contains("cnry"), "{screen}");
    pty.expect("nothing was set");
    assert_eq!(pty.child.wait().unwrap().code(), Some(1));
    assert!(home.audit_log().is_empty());
}

#[test]
fn an_arrow_key_is_no_part_of_a_value() {
    let home = Home::new();
    let mut pty = prompt(&home);
    pty.type_keys("abc\u{1b}[Dd\n");
    pty.expect("control character");
    assert_eq!(pty.child.wait().unwrap().code(), Some(1));
}

#[test]
fn d3_ctrl_c_and_signals_end_it_and_give_the_echo_back() {
    let home = Home::new();
    for signal in
        ["Ctrl-C", "TERM", "HUP", "QUIT", "ALRM", "PROF", "USR1", "USR2", "VTALRM", "XCPU", "XFSZ"]
    {
        let mut pty = prompt(&home);
        pty.type_keys("cnry-half");
        match signal {
            "Ctrl-C" => pty.type_keys("\u{3}"),
            signal => kill(signal, pty.child.id()),
        }
        let status = pty.child.wait().unwrap();
        assert!(!status.success() && status.code().is_none(), "{signal} ended it: {status}");
        assert!(pty.has_echo(), "after {signal}");
    }
    assert!(home.audit_log().is_empty(), "nothing was set");
}

#[test]
fn ctrl_d_cancels() {
    let home = Home::new();
    let mut pty = prompt(&home);
    pty.type_keys("\u{4}");
    pty.expect("nothing was set");
    assert_eq!(pty.child.wait().unwrap().code(), Some(1));
    assert!(pty.has_echo());
}

#[test]
fn d3_ctrl_z_gives_the_echo_back_and_fg_asks_again() {
    if !crate::harness::need::tool("bash") {
        return;
    }
    let home = Home::new();
    let mut pty = shell(&home);
    let program = crate::harness::program("fluvio-secret");
    pty.type_keys(&format!("'{}' set A\n", program.display()));
    stop_and_go_on(&mut pty, "Value of A: ");
    pty.type_keys("after\n");
    pty.expect("set successfully");
    eventually("the echo", || pty.has_echo());
    pty.type_keys("exit\n");
    pty.child.wait().unwrap();
    assert_eq!(delivered(&home), "after");
}

#[test]
fn d3_a_value_as_an_argument_is_warned_of_once_and_only_on_a_terminal() {
    let home = Home::new();
    let set = |home: &Home| {
        let mut set = home.command("fluvio-secret");
        set.args(["set", "A", "x"]);
        set
    };
    assert!(!said(&mut set(&home)).err.contains("history"));
    let mut pty = Pty::start(&set(&home));
    pty.expect("shell's history");
    pty.child.wait().unwrap();
    let mut again = home.foreign("sh");
    again
        .args(["-c", "\"$1\" set A x; echo end", "sh"])
        .arg(crate::harness::program("fluvio-secret"));
    let mut pty = Pty::start(&again);
    assert!(!pty.expect("end").contains("history"));
    pty.child.wait().unwrap();
}

#[test]
fn d18_a_path_in_a_prompt_drives_no_terminal() {
    let home = Home::new();
    home.set("A", "x");
    passphrase::protect(&home, "right");
    let odd = home.path("id\u{1b}[31m.txt");
    std::fs::copy(home.path("config/identity.txt"), &odd).unwrap();
    let mut pty = Pty::start(home.command("fluvio-secret").args(["key", "use"]).arg(&odd));
    let screen = pty.expect("[31m.txt: ");
    assert!(!screen.contains("\u{1b}[31m"), "{screen:?}");
    pty.type_keys("\u{3}");
    pty.child.wait().unwrap();
}
