//! Signing a device in: it shows a short code, a person who is signed in types that on the web and
//! allows it, and the device gets an API key (RFC 8628).
//!
//! The person is shown what asks, from where, and what it will be able to do; nothing can be
//! allowed that was not shown. The key is made when the device fetches it, so that its token is
//! never kept.

use std::time::Duration;

use rolltop_api_types::{self as api, ApiKeyCreated, Scope};
use rolltop_boxed::boxed;
use rolltop_store::{AddApiKeyError, AddDeviceLoginError, NewApiKey, NewDeviceLogin, Poll};
use rolltop_vault::{TokenKind, classify, hash_token, new_token, random_bytes};
use secrecy::SecretString;

use crate::account::api_keys::{MOST_KEYS, known, names, shown};
use crate::account::limiter::{SignInLimiter, Whence};
use crate::kernel::caller::{Caller, Who};
use crate::kernel::clock;
use crate::kernel::control::Control;
use crate::kernel::error::{InternalError, LacksScope, TooManyAttempts, TooSoon, explained};
use crate::kernel::state::default_state;

/// How long a code can be used.
const CODE_AGE: Duration = Duration::from_secs(600);
/// What a device waits between two questions.
const PAUSE: Duration = Duration::from_secs(5);
/// So much longer after each that came too soon.
const PENALTY: Duration = Duration::from_secs(5);
/// Devices that may wait, in all and from one address.
const WAITING: (u64, u64) = (1000, 20);
/// How long the key of a device is good for.
const KEY_AGE: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// Consonants that can't be mistaken for one another, and spell no words. RFC 8628 has them.
const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// Letters of a code: 20^8 is 2.6 · 10^10.
const CODE_LENGTH: usize = 8;
const CODE_TRIES: u32 = 5;
const LONGEST_NAME: usize = 64;
/// All that a command line needs: everything in the workspace, but not the account itself and not
/// the installation.
const GRANTED: [Scope; 13] = [
    Scope::DesktopsRead,
    Scope::DesktopsWrite,
    Scope::DesktopsControl,
    Scope::DesktopsExport,
    Scope::FilesRead,
    Scope::FilesWrite,
    Scope::Exec,
    Scope::KeysRead,
    Scope::KeysWrite,
    Scope::TasksRead,
    Scope::TasksWrite,
    Scope::BillingRead,
    Scope::HostRead,
];

/// What a device is told at first.
#[derive(Debug)]
pub struct DeviceLogin {
    /// The device's secret, to ask with.
    pub device_code: SecretString,
    /// For the person to type, as it is shown: `BCDF-GHJK`.
    pub user_code: String,
    pub pause: Duration,
    pub age: Duration,
}

/// Codes of devices, by who types them.
#[derive(Default)]
struct DeviceCodes(SignInLimiter);
default_state!(DeviceCodes);

explained! {
    pub enum StartDeviceError or Internal {
        Name => InvalidName in "client_name", "A client's name has 1 to {LONGEST_NAME} printable characters.";
        TooMany => RateLimited after 60, "Too many devices wait to be signed in; try again in a few minutes.";
    }

    pub enum DecideDeviceError: Forbidden(LacksScope), TooManyAttempts(TooManyAttempts) or Internal {
        NotAPerson => NotAPerson, "Only a signed-in person can allow a device.";
        /// Unknown, used or too old.
        NoSuchCode => NoSuchCode in "user_code", "No device waits under this code; look at the device and type it again, or begin anew there.";
    }

    /// Why a device has no key yet, or gets none.
    pub enum DeviceKeyError: TooSoon(TooSoon) or Internal {
        Pending => AuthorizationPending, "Nobody has allowed this device yet; ask again.";
        Denied => AccessDenied, "This device was denied.";
        Expired => ExpiredToken, "This code was used or is too old; begin anew.";
        TooManyKeys => QuotaReached, "There may be {MOST_KEYS} API keys at most; revoke one first.";
    }
}

#[boxed]
impl Control {
    /// A device wants to be signed in.
    pub async fn start_device_login(
        &self,
        client_name: &str,
        from: Option<&str>,
    ) -> Result<DeviceLogin, StartDeviceError> {
        let client_name = shown_name(client_name).ok_or(StartDeviceError::Name)?;
        let now = clock::now();
        let device_code = new_token(TokenKind::DeviceCode);
        for _ in 0..CODE_TRIES {
            let code = new_code();
            let new = NewDeviceLogin {
                device: hash_token(&device_code),
                user_code: code.clone(),
                client_name: client_name.clone(),
                asked_from: from.map(str::to_owned),
                scopes: names(&GRANTED),
                expires_at: clock::later(now, CODE_AGE),
                pause: PAUSE,
                limits: WAITING,
            };
            match self.kernel.store.insert_device_login(new, now).await {
                Ok(()) => {
                    let user_code = spaced(&code);
                    return Ok(DeviceLogin { device_code, user_code, pause: PAUSE, age: CODE_AGE });
                }
                Err(AddDeviceLoginError::CodeTaken) => {}
                Err(AddDeviceLoginError::TooMany) => return Err(StartDeviceError::TooMany),
                Err(AddDeviceLoginError::Store(error)) => return Err(error.into()),
            }
        }
        Err(InternalError::Other("no free code was found for a device").into())
    }

    /// Which device waits under a code, and what it would get.
    pub async fn device_request(
        &self,
        caller: &Caller,
        user_code: &str,
    ) -> Result<api::DeviceRequest, DecideDeviceError> {
        let code = self.person_with_code(caller, user_code)?;
        let now = clock::now();
        let found = self.kernel.store.device_login(&code, now).await?.ok_or(DecideDeviceError::NoSuchCode)?;
        self.kernel.state::<DeviceCodes>().0.succeeded(&caller.rate_key(), Whence::Inside);
        Ok(api::DeviceRequest {
            client_name: found.client_name,
            asked_from: found.asked_from,
            asked_at: found.asked_at,
            expires_at: found.expires_at,
            scopes: known(&found.scopes),
            key_expires_at: clock::later(now, KEY_AGE),
        })
    }

    /// The person's answer.
    pub async fn decide_device_login(
        &self,
        caller: &Caller,
        user_code: &str,
        allow: bool,
    ) -> Result<(), DecideDeviceError> {
        let code = self.person_with_code(caller, user_code)?;
        let store = &self.kernel.store;
        let found = store.device_login(&code, clock::now()).await?.ok_or(DecideDeviceError::NoSuchCode)?;
        known(&found.scopes).into_iter().try_for_each(|scope| caller.needs(scope))?;
        let allowed_by = allow.then_some(caller.workspace);
        if !store.decide_device_login(&code, allowed_by, clock::now()).await? {
            return Err(DecideDeviceError::NoSuchCode);
        }
        self.kernel.state::<DeviceCodes>().0.succeeded(&caller.rate_key(), Whence::Inside);
        tracing::info!(by = caller.label, allow, "a device was decided about");
        Ok(())
    }

    /// The device asks for its key.
    pub async fn device_key(&self, device_code: &SecretString) -> Result<ApiKeyCreated, DeviceKeyError> {
        if classify(device_code) != Some(TokenKind::DeviceCode) {
            return Err(DeviceKeyError::Expired);
        }
        let (now, token) = (clock::now(), new_token(TokenKind::ApiKey));
        let make = |workspace, login: rolltop_store::DeviceLogin| NewApiKey {
            workspace,
            name: login.client_name,
            token: hash_token(&token),
            scopes: login.scopes,
            desktop: None,
            expires_at: Some(clock::later(now, KEY_AGE)),
            maker: None,
            limit: MOST_KEYS,
        };
        let device = hash_token(device_code);
        let poll = self.kernel.store.poll_device_login(device, PENALTY, now, make).await;
        match poll {
            Ok(Poll::Key(key)) => {
                tracing::info!(key = %key.id, "a device was signed in");
                Ok(ApiKeyCreated { key: shown(*key), token })
            }
            Ok(Poll::Waiting) => Err(DeviceKeyError::Pending),
            Ok(Poll::TooSoon(pause)) => Err(DeviceKeyError::TooSoon(TooSoon(pause))),
            Ok(Poll::Denied) => Err(DeviceKeyError::Denied),
            Ok(Poll::Gone) => Err(DeviceKeyError::Expired),
            Err(AddApiKeyError::LimitReached) => Err(DeviceKeyError::TooManyKeys),
            Err(AddApiKeyError::Store(error)) => Err(error.into()),
        }
    }

    /// The code as it is kept, if the caller may try one: each try counts until a code is right.
    fn person_with_code(&self, caller: &Caller, user_code: &str) -> Result<String, DecideDeviceError> {
        let Who::Session { .. } = caller.who else { return Err(DecideDeviceError::NotAPerson) };
        caller.needs(Scope::KeysWrite)?;
        let tried = self.kernel.state::<DeviceCodes>().0.begin(&caller.rate_key(), Whence::Inside);
        tried.map_err(TooManyAttempts)?;
        typed(user_code).ok_or(DecideDeviceError::NoSuchCode)
    }
}

fn new_code() -> String {
    let mut code = String::with_capacity(CODE_LENGTH);
    while code.len() < CODE_LENGTH {
        let [byte] = random_bytes::<1>();
        // 240 is twelve times 20: beyond it some letters would be likelier than others.
        if let (true, Some(letter)) = (byte < 240, ALPHABET.get(usize::from(byte) % ALPHABET.len())) {
            code.push(char::from(*letter));
        }
    }
    code
}

/// As people read it: in two groups.
fn spaced(code: &str) -> String {
    match code.split_at_checked(CODE_LENGTH / 2) {
        Some((first, second)) => format!("{first}-{second}"),
        None => code.to_owned(),
    }
}

/// As people type it: in any case, with or without what stands between.
fn typed(text: &str) -> Option<String> {
    let letters = text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{2010}'..='\u{2015}'));
    let code: String = letters.map(|c| c.to_ascii_uppercase()).take(CODE_LENGTH + 1).collect();
    (code.len() == CODE_LENGTH && code.bytes().all(|byte| ALPHABET.contains(&byte))).then_some(code)
}

/// A name that deceives nobody who reads it: printable, and of bounded length.
fn shown_name(text: &str) -> Option<String> {
    let name = text.trim();
    let length = name.chars().count();
    // Marks that turn the direction of text, or that can't be seen, could make it look like another.
    let plain = |c: char| {
        !c.is_control()
            && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    ((1..=LONGEST_NAME).contains(&length) && name.chars().all(plain)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_typed_in_any_way() {
        let code = new_code();
        assert_eq!(spaced(&code).len(), CODE_LENGTH + 1);
        assert_eq!(typed(&spaced(&code)).as_deref(), Some(code.as_str()));
        for way in ["bcdf-ghjk", "BCDFGHJK", " bcdf ghjk ", "BCDF\u{2013}GHJK"] {
            assert_eq!(typed(way).as_deref(), Some("BCDFGHJK"), "{way}");
        }
        for bad in ["", "BCDF-GHJ", "BCDF-GHJKL", "AAAA-AAAA", "BCDF-GHJ1", "ÉCDF-GHJK"] {
            assert_eq!(typed(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_clients_name_can_not_deceive() {
        assert_eq!(shown_name(" rolltop on laptop ").as_deref(), Some("rolltop on laptop"));
        for bad in ["", "  ", "a\nb", "a\u{202e}b", "a\u{200b}b", &"x".repeat(65)] {
            assert_eq!(shown_name(bad), None, "{bad:?}");
        }
    }
}
