//! A phone by the real adb and its server. The phone's end is a stand-in (see `board::phone`) in front of the board.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use crate::board::Board;
use crate::board::phone::Phone;
use crate::board::relay::Relay;
use crate::board::sshd::free_port;
use crate::command::bench::json;
use crate::command::scene::{LIMIT, Scene, code, expect};
use crate::harness::Outcome;
use crate::process::{self, Ended};

use super::site::{bench, expect_emulated, scene_with_agent};

/// A user's folder, and an adb server of its own.
struct Desk {
    scene: Scene,
    server_port: u16,
}

/// A phone on a cable.
struct Plugged {
    cable: Relay,
    board: Arc<Board>,
}

impl Plugged {
    /// The name that adb gives to the phone.
    fn serial(&self) -> String {
        format!("127.0.0.1:{}", self.cable.port())
    }

    fn url(&self) -> String {
        format!("adb:{}", self.serial())
    }
}

impl Desk {
    fn new() -> Result<Self, String> {
        Ok(Self { scene: scene_with_agent()?, server_port: free_port()? })
    }

    /// A phone that adb has found.
    fn plug_in(&self) -> Result<Plugged, String> {
        let board = Arc::new(Board::start()?);
        let phone = Phone::around(Arc::clone(&board)).map_err(|error| error.to_string())?;
        let cable = Relay::to(phone.port).map_err(|error| error.to_string())?;
        let plugged = Plugged { cable, board };
        let said = process::succeed(&mut self.adb(&["connect", &plugged.serial()]))?;
        match said.contains("connected to") {
            true => Ok(plugged),
            false => Err(format!("adb connects to no phone: {said}")),
        }
    }

    fn adb(&self, arguments: &[&str]) -> Command {
        let mut adb = Command::new("adb");
        adb.args(arguments);
        self.at_desk(adb)
    }

    fn at_desk(&self, mut command: Command) -> Command {
        command.env("HOME", self.scene.path("")).env("ANDROID_ADB_SERVER_PORT", self.server_port.to_string());
        command
    }

    fn run(&self, arguments: &[&str]) -> Result<Ended, String> {
        process::finish(&mut self.at_desk(self.scene.edgefit(arguments)?), LIMIT)
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if let Err(error) = process::succeed(&mut self.adb(&["kill-server"])) {
            eprintln!("an adb server of a test goes on: {error}");
        }
    }
}

/// The stand-in is what adb takes for a phone: it is listed, runs scripts with input, output and exit code, and can go.
pub(crate) fn the_stand_in_is_a_phone_to_adb() -> Outcome {
    let desk = Desk::new()?;
    let phone = desk.plug_in()?;
    let listed = process::succeed(&mut desk.adb(&["devices"]))?;
    assert!(listed.contains(&format!("{}\tdevice", phone.serial())), "{listed}");
    let script = "uname -m; wc -c; echo wrong >&2; exit 7";
    let input = desk.scene.path("model.onnx");
    let mut shell = desk.adb(&["shell", "-T", script]);
    let output = shell.stdin(std::fs::File::open(&input)?).output()?;
    let bytes = std::fs::metadata(&input)?.len();
    assert_eq!(String::from_utf8(output.stdout)?, format!("aarch64\n{bytes}\n"));
    assert_eq!((output.stderr.as_slice(), output.status.code()), (b"wrong\n".as_slice(), Some(7)));
    process::succeed(&mut desk.adb(&["disconnect", &phone.serial()]))?;
    assert!(!process::succeed(&mut desk.adb(&["devices"]))?.contains(&phone.serial()));
    Ok(())
}

/// The agent is brought to the phone and measures there, alone or chosen by its serial number; the second time it is there.
pub(crate) fn a_phone_is_measured() -> Outcome {
    let desk = Desk::new()?;
    let phone = desk.plug_in()?;
    for (name, url) in [("phone", phone.url().as_str()), ("only", "adb:")] {
        expect(&desk.run(&["devices", "add", name, url])?, code::DONE, &[])?;
    }
    let first = desk.run(&bench("phone", &[]))?;
    expect(&first, code::DONE, &["sending the agent"])?;
    expect_emulated(&json(&first)?);
    let second = desk.run(&bench("only", &[]))?;
    expect(&second, code::DONE, &[])?;
    assert!(!second.stderr.contains("sending the agent"), "{}", second.stderr);
    let there = phone.board.run("ls /data/local/tmp/edgefit/agents")?;
    assert!(there.starts_with("edgefit-agent-"), "{there}");
    Ok(())
}

/// Two phones of one adb are told apart by their serial numbers, and measure at the same time; without one, adb does not know which.
pub(crate) fn several_phones_are_told_apart() -> Outcome {
    let desk = Desk::new()?;
    let phones = [desk.plug_in()?, desk.plug_in()?];
    expect(&desk.run(&bench("adb:", &[]))?, code::DEVICE, &["more than one device", "adb:SERIAL"])?;
    let urls = phones.each_ref().map(Plugged::url);
    let start = |url: &String| process::start(&mut desk.at_desk(desk.scene.edgefit(&bench(url, &[]))?));
    let running = [start(&urls[0])?, start(&urls[1])?];
    for (running, url) in running.into_iter().zip(&urls) {
        let ended = running.finish(LIMIT)?;
        expect(&ended, code::DONE, &[&format!("to {url}")])?;
        expect_emulated(&json(&ended)?);
    }
    for phone in &phones {
        assert!(phone.board.run("ls /data/local/tmp/edgefit/agents")?.starts_with("edgefit-agent-"));
    }
    Ok(())
}

/// A phone whose cable is pulled in a job comes back, or is told with what to do; one that is not there is told, too.
pub(crate) fn a_phone_that_goes_is_told() -> Outcome {
    let desk = Desk::new()?;
    let phone = desk.plug_in()?;
    expect(&desk.run(&["devices", "add", "phone", &phone.url()])?, code::DONE, &[])?;
    expect(&desk.run(&bench("phone", &[]))?, code::DONE, &[])?;
    let mut edgefit = desk.at_desk(desk.scene.edgefit(&bench("phone", &[]))?);
    let running = process::start(&mut edgefit)?;
    std::thread::sleep(Duration::from_millis(1000));
    phone.cable.cut();
    let ended = running.finish(LIMIT)?;
    if ended.code != Some(code::DONE) {
        expect(&ended, code::DEVICE, &["adb", "to fix it"])?;
    }
    process::succeed(&mut desk.adb(&["disconnect"]))?;
    expect(&desk.run(&bench("phone", &[]))?, code::DEVICE, &["not found", "adb devices"])
}
