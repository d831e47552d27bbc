//! One device of the registry: its URL, and how it is used unless a command says otherwise.

use std::time::Duration;

use edgefit_protocol::{job::Affinity, limits, runtime::RuntimeName};
use serde::{Deserialize, Serialize};

use crate::config::parse_affinity;
use crate::device::{
    CoolDown, DeviceOptions, DeviceUrl,
    transport::{
        Transport, TransportError,
        adb::Adb,
        local::{Local, LocalOptions},
        remote::{Remote, RemoteOptions, Tell, check_word},
        ssh::Ssh,
        tcp::Tcp,
    },
};

/// Further tries of a job on a fresh connection, unless the entry says otherwise.
const RETRIES: u32 = 3;

/// Most of them.
const MAX_RETRIES: u32 = 100;

/// Longest wait for a device to get cool, in seconds, unless the entry says otherwise.
const COOL_DOWN_SECONDS: u64 = 300;

/// An entry. What is absent is edgefit's default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// How the device is reached, see [`DeviceUrl`].
    pub url: String,
    /// What runs models.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<RuntimeName>,
    /// Threads that run one operator together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<u32>,
    /// Cores that models run on, as a command names them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affinity: Option<String>,
    /// ONNX Runtime's library on the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub library: Option<String>,
    /// The processor may have so many degrees Celsius before a measurement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cool_down_celsius: Option<f32>,
    /// Longest wait for that, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cool_down_seconds: Option<u64>,
    /// How often a job is tried again on a fresh connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<u32>,
    /// Where everything lies on the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// The agent's target, instead of what the device says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// A command of the device that runs the agent in place of a processor; its times mean nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emulator: Option<String>,
    /// Whether Android's mode of fixed performance is on while models are measured.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fixed_performance: bool,
}

impl Entry {
    /// An entry that says no more than the URL.
    pub fn of(url: impl Into<String>) -> Self {
        Self { url: url.into(), ..Self::default() }
    }

    /// How the device is reached.
    ///
    /// # Errors
    /// When the URL is wrong.
    pub fn device_url(&self) -> Result<DeviceUrl, crate::device::UrlError> {
        self.url.parse()
    }

    /// The names of a pool's members; none of another device.
    pub fn members(&self) -> Vec<String> {
        match self.device_url() {
            Ok(DeviceUrl::Pool(names)) => names,
            _ => Vec::new(),
        }
    }

    /// Cores that models run on.
    pub fn cores(&self) -> Option<Affinity> {
        self.affinity.as_deref().and_then(parse_affinity)
    }

    /// Says what is wrong.
    ///
    /// # Errors
    /// With the key.
    pub(super) fn check(&self) -> Result<(), String> {
        let url = self.device_url().map_err(|error| error.to_string())?;
        let has_shell = matches!(url, DeviceUrl::Ssh { .. } | DeviceUrl::Adb { .. });
        let threads = self.threads.unwrap_or(1);
        if !(1..=limits::MAX_THREADS).contains(&threads) {
            return Err(format!("threads = {threads}: write 1 to {}", limits::MAX_THREADS));
        }
        if self.affinity.is_some() && self.cores().is_none() {
            return Err("affinity: write any, big, little, or core numbers such as 0-3 or 0,2".to_owned());
        }
        if self.retries.is_some_and(|retries| retries > MAX_RETRIES) {
            return Err(format!("retries: write at most {MAX_RETRIES}"));
        }
        if self.cool_down_celsius.is_some_and(|celsius| !(0.0..=150.0).contains(&celsius)) {
            return Err("cool_down_celsius: write 0 to 150".to_owned());
        }
        if self.fixed_performance && !matches!(url, DeviceUrl::Adb { .. }) {
            return Err("fixed_performance is a mode of Android: it needs a device by adb".to_owned());
        }
        if !has_shell && (self.folder.is_some() || self.target.is_some() || self.emulator.is_some()) {
            return Err("folder, target and emulator are for devices by ssh or adb".to_owned());
        }
        let words = [("folder", &self.folder), ("target", &self.target), ("emulator", &self.emulator)];
        let mut named = words.into_iter().filter_map(|(key, word)| Some((key, word.as_deref()?)));
        named.try_for_each(|(key, word)| check_word(word).map_err(|error| format!("{key}: {error}")))
    }

    /// How the device is used.
    pub(crate) fn device_options(&self) -> DeviceOptions {
        let token = match self.device_url() {
            Ok(DeviceUrl::Tcp { token, .. }) => token,
            _ => None,
        };
        let limit = Duration::from_secs(self.cool_down_seconds.unwrap_or(COOL_DOWN_SECONDS));
        DeviceOptions {
            token,
            retries: self.retries.unwrap_or(RETRIES),
            library: self.library.clone(),
            cool_down: self.cool_down_celsius.map(|celsius| CoolDown { celsius, limit }),
        }
    }

    /// The way to the device.
    pub(crate) fn transport(&self, tell: &Tell) -> Result<Box<dyn Transport>, TransportError> {
        let wrong_url = |error: crate::device::UrlError| TransportError::lasting(error.to_string(), "correct the URL");
        Ok(match self.device_url().map_err(wrong_url)? {
            DeviceUrl::Local => Box::new(Local::new(&LocalOptions::default())?),
            DeviceUrl::Tcp { address, .. } => Box::new(Tcp::new(address)),
            DeviceUrl::Ssh { user, host, port } => {
                Box::new(Remote::new(Ssh { user, host, port }, self.remote_options(tell))?)
            }
            DeviceUrl::Adb { serial } => Box::new(Remote::new(Adb { serial }, self.remote_options(tell))?),
            DeviceUrl::Pool(_) => {
                return Err(TransportError::lasting("a pool is several devices", "name one of its devices"));
            }
        })
    }

    fn remote_options(&self, tell: &Tell) -> RemoteOptions {
        RemoteOptions {
            folder: self.folder.clone(),
            target: self.target.clone(),
            emulator: self.emulator.clone(),
            fixed_performance: self.fixed_performance,
            tell: tell.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_options_are_refused_by_their_key() {
        let check = |entry: Entry, key: &str| {
            let told = entry.check().unwrap_err();
            assert!(told.contains(key), "{told}");
        };
        check(Entry { threads: Some(0), ..Entry::of("adb:") }, "threads");
        check(Entry { affinity: Some("large".into()), ..Entry::of("adb:") }, "affinity");
        check(Entry { retries: Some(101), ..Entry::of("adb:") }, "retries");
        check(Entry { fixed_performance: true, ..Entry::of("ssh://pi") }, "fixed_performance");
        check(Entry { folder: Some("/x".into()), ..Entry::of("tcp://h:1") }, "folder");
        check(Entry::of("http://x"), "URL");
        check(Entry { folder: Some("a$b".into()), ..Entry::of("ssh://pi") }, "folder");
        check(Entry { emulator: Some("a `b`".into()), ..Entry::of("ssh://pi") }, "emulator");
        assert_eq!(Entry { affinity: Some("big".into()), ..Entry::of("adb:") }.check(), Ok(()));
    }

    #[test]
    fn a_token_goes_to_the_agent() {
        assert_eq!(Entry::of("tcp://h:1?token=s").device_options().token.as_deref(), Some("s"));
        assert_eq!(Entry::of("adb:").device_options().retries, RETRIES);
    }
}
