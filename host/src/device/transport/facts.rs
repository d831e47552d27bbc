//! What a device's own shell says of it, before there is an agent, and which agents could run there.

/// What is known of a device without an agent. What it did not say is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Kernel, such as `Linux`.
    pub system: String,
    /// Machine as the kernel names it, such as `aarch64` or `armv7l`.
    pub machine: String,
    /// The C library as it names itself, such as `glibc 2.36`.
    pub libc: Option<String>,
    /// Width of a program's addresses: a 64-bit kernel may have 32-bit programs only.
    pub bits: Option<u32>,
    /// Size of a memory page, in bytes.
    pub page_bytes: Option<u64>,
    /// Free space for edgefit, in KiB.
    pub free_kib: Option<u64>,
    /// Android's API level.
    pub android_api: Option<u32>,
    /// Agents that are there, by the names of their files.
    pub agents: Vec<String>,
}

impl Facts {
    /// Reads what the script said; what came before its first line, such as a greeting of the login shell, is skipped.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut facts = Self::default();
        for line in text.lines().map(str::trim) {
            match line.split_once('=') {
                Some((key, value)) => facts.take(key, value.trim()),
                None if !facts.machine.is_empty() => facts.agents.push(line.to_owned()),
                None => {}
            }
        }
        (!facts.machine.is_empty()).then_some(facts)
    }

    fn take(&mut self, key: &str, value: &str) {
        match key {
            "machine" => {
                let (system, machine) = value.split_once(' ').unwrap_or((value, ""));
                (self.system, self.machine) = (system.to_owned(), machine.to_owned());
            }
            "libc" => self.libc = (!value.is_empty()).then(|| value.to_owned()),
            "bits" => self.bits = value.parse().ok(),
            "page" => self.page_bytes = value.parse().ok(),
            // File system, blocks, used, available: POSIX's form of df.
            "free" => self.free_kib = value.split_whitespace().nth(3).and_then(|kib| kib.parse().ok()),
            "sdk" => self.android_api = value.parse().ok(),
            _ => {}
        }
    }

    /// Targets whose programs run there, the best first; none where edgefit has no agent for such a device.
    pub fn targets(&self) -> Vec<String> {
        let Some((arch, float)) = self.architecture().filter(|_| self.system == "Linux") else { return Vec::new() };
        let musl = format!("{arch}-unknown-linux-musl{float}");
        if self.android_api.is_some() {
            let android = match arch {
                "armv7" => "armv7-linux-androideabi".to_owned(),
                arch => format!("{arch}-linux-android"),
            };
            return vec![android, musl];
        }
        match self.libc.as_deref().is_some_and(|libc| libc.contains("musl")) {
            true => vec![musl],
            false => vec![format!("{arch}-unknown-linux-gnu{float}"), musl],
        }
    }

    /// The target's architecture, and what its environment adds for passing floats in registers.
    fn architecture(&self) -> Option<(&'static str, &'static str)> {
        let is_narrow = self.bits == Some(32);
        match self.machine.as_str() {
            "x86_64" if !is_narrow => Some(("x86_64", "")),
            "x86_64" | "i686" | "i586" => Some(("i686", "")),
            "aarch64" if !is_narrow => Some(("aarch64", "")),
            "aarch64" | "armv8l" | "armv7l" => Some(("armv7", "eabihf")),
            "armv6l" => Some(("arm", "eabihf")),
            "riscv64" => Some(("riscv64gc", "")),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PI: &str = "Linux raspberrypi\nmachine=Linux aarch64\nlibc=glibc 2.36\nbits=64\npage=16384\n\
                      free=/dev/mmcblk0p2 30388888 4000000 25000000 14% /\nsdk=\nedgefit-agent-01\n";
    const PHONE: &str = "machine=Linux aarch64\nlibc=\nbits=\npage=4096\n\
                         free=/dev/block/dm-5 110000000 9000000 100000000 9% /data\nsdk=34\n";

    #[test]
    fn a_board_and_a_phone_say_what_they_are() {
        let pi = Facts::parse(PI).unwrap();
        assert_eq!((pi.page_bytes, pi.free_kib, pi.android_api), (Some(16384), Some(25_000_000), None));
        assert_eq!(pi.agents, ["edgefit-agent-01"]);
        assert_eq!(pi.targets(), ["aarch64-unknown-linux-gnu", "aarch64-unknown-linux-musl"]);
        let phone = Facts::parse(PHONE).unwrap();
        assert_eq!(phone.targets(), ["aarch64-linux-android", "aarch64-unknown-linux-musl"]);
        assert_eq!(Facts::parse("This account is not available.\n"), None);
    }

    #[test]
    fn the_programs_decide_and_not_the_kernel() {
        let check = |machine: &str, bits: u32, libc: &str, first: Option<&str>| {
            let facts = Facts::parse(&format!("machine={machine}\nbits={bits}\nlibc={libc}")).unwrap();
            assert_eq!(facts.targets().first().map(String::as_str), first);
        };
        check("Linux aarch64", 32, "glibc 2.31", Some("armv7-unknown-linux-gnueabihf"));
        check("Linux armv6l", 32, "glibc 2.31", Some("arm-unknown-linux-gnueabihf"));
        check("Linux x86_64", 64, "musl libc (x86_64)", Some("x86_64-unknown-linux-musl"));
        check("Linux riscv64", 64, "glibc 2.39", Some("riscv64gc-unknown-linux-gnu"));
        check("Darwin arm64", 64, "", None);
        check("Linux mips", 32, "", None);
    }
}
