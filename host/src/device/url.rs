//! URLs of devices: `local`, `ssh://[USER@]HOST[:PORT]`, `adb:[SERIAL]`, `tcp://HOST:PORT[?token=TOKEN]`, `pool:NAME,NAME,...`.
//!
//! A URL says how a device is reached. It opens nothing, and shows no token.

use std::fmt;
use std::str::FromStr;

/// Most members of a pool.
const MAX_POOL: usize = 64;

/// How a device is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceUrl {
    /// The machine that this program runs on.
    Local,
    /// By the user's ssh.
    Ssh {
        /// The account; what ssh takes by itself when `None`.
        user: Option<String>,
        /// A host, an address, or an alias of the user's configuration.
        host: String,
        /// The port; what ssh takes by itself when `None`.
        port: Option<u16>,
    },
    /// By the user's adb.
    Adb {
        /// The phone; the only one there is when `None`.
        serial: Option<String>,
    },
    /// An agent that listens.
    Tcp {
        /// `HOST:PORT`.
        address: String,
        /// What it asks for.
        token: Option<String>,
    },
    /// Equal devices, by their names in the registry.
    Pool(Vec<String>),
}

/// Text that is no URL of a device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no URL of a device: {why}; write local, ssh://[USER@]HOST[:PORT], adb:SERIAL, tcp://HOST:PORT?token=TOKEN or pool:NAME,NAME"
)]
pub struct UrlError {
    text: String,
    why: &'static str,
}

impl DeviceUrl {
    /// Whether text is meant as a URL, and not as a name.
    pub fn is_meant(text: &str) -> bool {
        text == "local" || text.contains(':')
    }
}

impl FromStr for DeviceUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        parse(text).map_err(|why| UrlError { text: text.to_owned(), why })
    }
}

fn parse(text: &str) -> Result<DeviceUrl, &'static str> {
    if text == "local" {
        return Ok(DeviceUrl::Local);
    }
    if let Some(serial) = text.strip_prefix("adb:") {
        return adb(serial);
    }
    if let Some(names) = text.strip_prefix("pool:") {
        return pool(names);
    }
    match text.split_once("://") {
        Some(("ssh", rest)) => ssh(rest),
        Some(("tcp", rest)) => tcp(rest),
        _ => Err("its scheme is not known"),
    }
}

fn adb(serial: &str) -> Result<DeviceUrl, &'static str> {
    let is_plain = serial.chars().all(|letter| letter.is_ascii_graphic());
    let is_named = !serial.is_empty();
    match is_plain && !serial.starts_with('-') {
        true => Ok(DeviceUrl::Adb { serial: is_named.then(|| serial.to_owned()) }),
        false => Err("the serial number has other characters than `adb devices` shows"),
    }
}

fn pool(names: &str) -> Result<DeviceUrl, &'static str> {
    let names: Vec<String> = names.split(',').map(|name| name.trim().to_owned()).collect();
    let mut unique = names.clone();
    unique.sort_unstable();
    unique.dedup();
    match names.iter().any(String::is_empty) || unique.len() < names.len() || names.len() > MAX_POOL {
        true => Err("a pool is at most 64 different names between commas"),
        false => Ok(DeviceUrl::Pool(names)),
    }
}

fn ssh(rest: &str) -> Result<DeviceUrl, &'static str> {
    let (user, place) = match rest.rsplit_once('@') {
        Some((user, place)) => (Some(word(user)?), place),
        None => (None, rest),
    };
    let (host, port) = host_and_port(place.trim_end_matches('/'))?;
    Ok(DeviceUrl::Ssh { user, host, port })
}

fn tcp(rest: &str) -> Result<DeviceUrl, &'static str> {
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let token = match query.strip_prefix("token=") {
        Some(token) if !token.is_empty() => Some(token.to_owned()),
        _ if query.is_empty() => None,
        Some(_) => return Err("the token is empty"),
        _ => return Err("behind the `?` there can be token=TOKEN only"),
    };
    let place = place.trim_end_matches('/');
    let (_, port) = host_and_port(place)?;
    port.map(|_| DeviceUrl::Tcp { address: place.to_owned(), token }).ok_or("the port is missing")
}

/// `HOST`, `HOST:PORT`, `[ADDRESS]` or `[ADDRESS]:PORT`.
fn host_and_port(place: &str) -> Result<(String, Option<u16>), &'static str> {
    let (host, port) = match place.strip_prefix('[').and_then(|place| place.split_once(']')) {
        Some((host, port)) => (host, port.strip_prefix(':')),
        None => place.rsplit_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map(|port| port.parse().map_err(|_| "the port is no number up to 65535")).transpose()?;
    Ok((word(host)?, port))
}

/// A word that no program takes for an option.
fn word(text: &str) -> Result<String, &'static str> {
    let is_plain = text.chars().all(|letter| letter.is_ascii_graphic() && !"'\"\\$`".contains(letter));
    match text.is_empty() || text.starts_with('-') || !is_plain {
        true => Err("host or user is missing, or has impossible characters"),
        false => Ok(text.to_owned()),
    }
}

impl fmt::Display for DeviceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("local"),
            Self::Ssh { user, host, port } => {
                let user = user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
                let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
                let port = port.map(|port| format!(":{port}")).unwrap_or_default();
                write!(f, "ssh://{user}{host}{port}")
            }
            Self::Adb { serial } => write!(f, "adb:{}", serial.as_deref().unwrap_or_default()),
            Self::Tcp { address, .. } => write!(f, "tcp://{address}"),
            Self::Pool(names) => write!(f, "pool:{}", names.join(",")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<String> {
        text.parse::<DeviceUrl>().ok().map(|url| url.to_string())
    }

    #[test]
    fn urls_are_read_and_shown() {
        for url in [
            "local",
            "ssh://pi@raspberrypi.local",
            "ssh://board:2222",
            "ssh://[fe80::1]:22",
            "adb:",
            "adb:R58M",
            "pool:a,b",
        ] {
            assert_eq!(shown(url).as_deref(), Some(url));
            assert!(DeviceUrl::is_meant(url));
        }
        assert_eq!(shown("adb:192.168.1.7:5555").as_deref(), Some("adb:192.168.1.7:5555"));
        assert!(!DeviceUrl::is_meant("pi4"));
    }

    #[test]
    fn a_token_is_kept_and_not_shown() {
        let url: DeviceUrl = "tcp://10.0.0.5:7000?token=s3cret".parse().unwrap();
        assert_eq!(url.to_string(), "tcp://10.0.0.5:7000");
        assert_eq!(url, DeviceUrl::Tcp { address: "10.0.0.5:7000".into(), token: Some("s3cret".into()) });
    }

    #[test]
    fn what_a_program_could_take_for_something_else_is_refused() {
        let wrong = [
            "",
            "pi",
            "http://x",
            "ssh://",
            "ssh://-oProxyCommand=x",
            "ssh://u@",
            "ssh://a b",
            "ssh://a:99999",
            "tcp://host",
            "tcp://host:1?key=1",
            "tcp://host:1?token=",
            "adb:-s",
            "adb:a b",
            "pool:",
            "pool:a,,b",
            "pool:a,a",
            "ssh://$(x)",
            "ssh://-l@host",
        ];
        for text in wrong {
            assert_eq!(shown(text), None, "{text}");
        }
    }
}
