//! An `InitRequest` whose every field has been checked.
//!
//! The platform is trusted, but what goes into these files came from people, and a line break
//! in a key would be a second key.

use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rolltop_guest_protocol::{InitRequest, KeysRequest};
use serde::de::DeserializeOwned;

/// Largest request, bytes: a few hundred keys.
const MAX_REQUEST: u64 = 256 * 1024;
const MAX_ENTROPY: usize = 4096;
const MAX_KEY_LINE: usize = 16 * 1024;
const MAX_KEYS: usize = 256;
/// 2020-01-01, before which no desktop was made, and 2200-01-01.
const PLAUSIBLE_SECONDS: std::ops::Range<i64> = 1_577_836_800..7_258_118_400;
const NANOSECONDS: i128 = 1_000_000_000;

const KEY_TYPES: [&str; 7] = [
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
];

#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    #[error("it could not be read")]
    Read(#[source] std::io::Error),
    #[error("it is larger than {MAX_REQUEST} bytes")]
    TooLarge,
    #[error("it is not a request of this kind")]
    Json(#[source] serde_json::Error),
    #[error("{0:?} is not a desktop's id")]
    Desktop(String),
    #[error("{0:?} is not a host name")]
    Hostname(String),
    #[error("the time is not plausible")]
    Time,
    #[error("the entropy is not up to {MAX_ENTROPY} bytes of base64")]
    Entropy,
    #[error("the door's key is not one OpenSSH public key line")]
    DoorKey,
    #[error("authorized key number {0} is not one OpenSSH public key line")]
    AuthorizedKey(usize),
    #[error("there are more than {MAX_KEYS} authorized keys")]
    TooManyKeys,
    #[error("{0:?} is not a time zone's name")]
    Timezone(String),
}

/// A request as it may be carried out.
#[derive(Debug)]
pub struct Personal {
    pub desktop: String,
    pub hostname: String,
    pub unix_time_ns: i128,
    pub entropy: Vec<u8>,
    pub door_public_key: String,
    pub authorized_keys: Vec<String>,
    pub timezone: Option<String>,
    pub resumed: bool,
    pub host_key_shown: Option<String>,
}

impl Personal {
    pub fn read(input: impl Read) -> Result<Self, RequestError> {
        Self::check(parsed(input)?)
    }

    fn check(request: InitRequest) -> Result<Self, RequestError> {
        let InitRequest {
            desktop,
            hostname,
            unix_time_ns,
            entropy,
            door_public_key,
            authorized_keys,
            timezone,
            resumed,
            host_key_shown,
        } = request;
        if !is_id(&desktop) {
            return Err(RequestError::Desktop(desktop));
        }
        if !is_dns_label(&hostname) {
            return Err(RequestError::Hostname(hostname));
        }
        let seconds = i64::try_from(unix_time_ns.div_euclid(NANOSECONDS)).map_err(|_| RequestError::Time)?;
        if !PLAUSIBLE_SECONDS.contains(&seconds) {
            return Err(RequestError::Time);
        }
        let entropy = STANDARD.decode(entropy.trim()).map_err(|_| RequestError::Entropy)?;
        if entropy.len() > MAX_ENTROPY {
            return Err(RequestError::Entropy);
        }
        let door_public_key = key_line(&door_public_key).ok_or(RequestError::DoorKey)?;
        let authorized_keys = key_lines(&authorized_keys)?;
        if let Some(zone) = timezone.as_deref().filter(|zone| !is_zone(zone)) {
            return Err(RequestError::Timezone(zone.to_owned()));
        }
        Ok(Self {
            desktop,
            hostname,
            unix_time_ns,
            entropy,
            door_public_key,
            authorized_keys,
            timezone,
            resumed,
            host_key_shown,
        })
    }
}

/// The checked keys of a `keys` request.
pub fn authorized_keys(input: impl Read) -> Result<Vec<String>, RequestError> {
    let KeysRequest { authorized_keys } = parsed(input)?;
    key_lines(&authorized_keys)
}

fn parsed<T: DeserializeOwned>(input: impl Read) -> Result<T, RequestError> {
    let mut text = Vec::new();
    input.take(MAX_REQUEST + 1).read_to_end(&mut text).map_err(RequestError::Read)?;
    if text.len() as u64 > MAX_REQUEST {
        return Err(RequestError::TooLarge);
    }
    serde_json::from_slice(&text).map_err(RequestError::Json)
}

fn key_lines(lines: &[String]) -> Result<Vec<String>, RequestError> {
    if lines.len() > MAX_KEYS {
        return Err(RequestError::TooManyKeys);
    }
    lines
        .iter()
        .enumerate()
        .map(|(place, line)| key_line(line).ok_or(RequestError::AuthorizedKey(place + 1)))
        .collect()
}

fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-'))
}

fn is_dns_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// A path below the zone database that stays there.
fn is_zone(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'+' | b'-' | b'/'))
        && text.split('/').all(|part| !part.is_empty())
}

/// `TYPE BASE64 [COMMENT]`, without options, trimmed; `None` for anything else.
fn key_line(line: &str) -> Option<String> {
    let line = line.trim();
    if line.len() > MAX_KEY_LINE || line.chars().any(char::is_control) {
        return None;
    }
    let mut words = line.split(' ');
    let kind = words.next().filter(|kind| KEY_TYPES.contains(kind))?;
    let blob = STANDARD.decode(words.next()?).ok()?;
    // The blob begins with its own type, length first.
    let (length, rest) = blob.split_first_chunk::<4>()?;
    let inner = rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    (inner == kind.as_bytes() && rest.len() > inner.len()).then(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFm8nrEsOtM0vYFbmNBCfQ+1bbxLYtp5Fx+T3Hkhq1xN someone@home";

    fn request() -> serde_json::Value {
        serde_json::json!({
            "desktop": "dsk_01", "hostname": "my-desk", "unix_time_ns": 1_790_000_000_000_000_001i64,
            "entropy": "AAAA", "door_public_key": KEY, "authorized_keys": [KEY], "timezone": "Europe/Paris",
        })
    }

    fn with(field: &str, value: serde_json::Value) -> Result<Personal, RequestError> {
        let mut request = request();
        request[field] = value;
        Personal::read(request.to_string().as_bytes())
    }

    #[test]
    fn a_good_request_is_taken_as_it_is() {
        let personal = Personal::read(request().to_string().as_bytes()).unwrap();
        assert_eq!(personal.unix_time_ns, 1_790_000_000_000_000_001);
        assert_eq!(personal.entropy, [0, 0, 0]);
        assert_eq!(personal.authorized_keys, [KEY]);
    }

    #[test]
    fn names_that_could_leave_their_file_are_refused() {
        for name in ["", "-a", "a-", "a.b", "a b", "a\nb", "A", &"x".repeat(64), "é"] {
            assert!(matches!(with("hostname", name.into()), Err(RequestError::Hostname(_))), "{name:?}");
        }
        for zone in ["", "/etc/passwd", "../../etc/passwd", "Europe//Paris", "a b"] {
            assert!(matches!(with("timezone", zone.into()), Err(RequestError::Timezone(_))), "{zone:?}");
        }
        for id in ["", "a/b", "a\"b"] {
            assert!(matches!(with("desktop", id.into()), Err(RequestError::Desktop(_))), "{id:?}");
        }
    }

    #[test]
    fn a_key_is_one_line_of_a_known_type_without_options() {
        let cut = KEY.split(' ').nth(1).unwrap();
        let bad = [
            String::new(),
            format!("{KEY}\n{KEY}"),
            format!("command=\"sh\" {KEY}"),
            format!("ssh-dss {cut}"),
            format!("ssh-rsa {cut}"),
            format!("# {KEY}"),
            "ssh-ed25519".into(),
            "ssh-ed25519 AAAA".into(),
            "ssh-ed25519 !!!!".into(),
            format!("{KEY} {}", "x".repeat(MAX_KEY_LINE)),
        ];
        for key in bad {
            assert!(
                matches!(with("door_public_key", key.as_str().into()), Err(RequestError::DoorKey)),
                "{key}"
            );
            let keys = serde_json::json!([KEY, key]);
            assert!(matches!(with("authorized_keys", keys), Err(RequestError::AuthorizedKey(2))), "{key}");
        }
    }

    #[test]
    fn sizes_and_times_are_bounded() {
        let huge = vec![b' '; MAX_REQUEST as usize + 1];
        assert!(matches!(Personal::read(huge.as_slice()), Err(RequestError::TooLarge)));
        for time in [0i64, -1, 1_577_836_799_000_000_000] {
            assert!(matches!(with("unix_time_ns", time.into()), Err(RequestError::Time)), "{time}");
        }
        assert!(matches!(
            with("entropy", STANDARD.encode([0; MAX_ENTROPY + 1]).into()),
            Err(RequestError::Entropy)
        ));
        let keys = vec![KEY; MAX_KEYS + 1];
        assert!(matches!(with("authorized_keys", serde_json::json!(keys)), Err(RequestError::TooManyKeys)));
    }
}
