//! Which desktop is meant: by its name or its id, and only where nothing is changed by the beginning of its name.
//!
//! A script's `rolltop rm lab` must not destroy `lab-2` because `lab` is gone already.

use rolltop_api_types::Desktop;
use rolltop_model::DesktopId;

use crate::connect::Connection;
use crate::failure::{Exit, Failure};

/// How many are named where several are meant.
const NAMED: usize = 5;

type Fits = fn(&Desktop, &str) -> bool;

/// The desktop of exactly that name, or of an id.
pub async fn desktop(connection: &Connection, text: &str) -> Result<Desktop, Failure> {
    find(connection, text, exactly).await
}

/// The same for a command that only looks: the beginning of a name is enough where it fits no other.
pub async fn to_look_at(connection: &Connection, text: &str) -> Result<Desktop, Failure> {
    find(connection, text, |desktop, text| exactly(desktop, text) || desktop.name.starts_with(text)).await
}

/// The same where a name was given.
pub async fn one_to_look_at(
    connection: &Connection,
    text: Option<&str>,
) -> Result<Option<DesktopId>, Failure> {
    match text {
        Some(text) => Ok(Some(to_look_at(connection, text).await?.id)),
        None => Ok(None),
    }
}

/// The only one that fits. Where names need not be unique, one that several have means none of them.
pub fn only<T>(
    fitting: impl IntoIterator<Item = T>,
    none: impl FnOnce() -> Failure,
    several: impl FnOnce() -> Failure,
) -> Result<T, Failure> {
    let mut fitting = fitting.into_iter();
    match (fitting.next(), fitting.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(none()),
        (Some(_), Some(_)) => Err(several()),
    }
}

/// Whether an id is meant by its beginning: its kind and at least four letters more.
pub fn begins_id(id: &str, text: &str) -> bool {
    let kind = id.find('_').map_or(0, |end| end + 1);
    text.len() >= kind + 4 && id.starts_with(text)
}

fn exactly(desktop: &Desktop, text: &str) -> bool {
    desktop.name == text || begins_id(&desktop.id.to_string(), text)
}

async fn find(connection: &Connection, text: &str, fits: Fits) -> Result<Desktop, Failure> {
    if let Ok(id) = text.parse::<DesktopId>() {
        return Ok(connection.client.desktop(id).await?);
    }
    let all = connection.client.all_desktops().await?;
    choose(&all, text, fits).cloned()
}

/// An exact name comes before what only begins so.
fn choose<'a>(all: &'a [Desktop], text: &str, fits: Fits) -> Result<&'a Desktop, Failure> {
    if let Some(exact) = all.iter().find(|desktop| desktop.name == text) {
        return Ok(exact);
    }
    let fitting = all.iter().filter(|desktop| !text.is_empty() && fits(desktop, text));
    let found: Vec<&Desktop> = fitting.collect();
    match found.as_slice() {
        [one] => Ok(one),
        [] => {
            let detail = format!("There is no desktop {text}; rolltop ls lists yours.");
            Err(Failure::new(Exit::NotFound, "not_found", detail))
        }
        several => {
            let names: Vec<&str> = several.iter().take(NAMED).map(|desktop| desktop.name.as_str()).collect();
            let more = if several.len() > NAMED { " and more" } else { "" };
            let detail = format!("{text} may mean {}{more}; say more of it.", names.join(", "));
            Err(Failure::new(Exit::NotFound, "ambiguous_name", detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(number: u128, name: &str) -> Desktop {
        let desktop = serde_json::json!({
            "id": DesktopId::from_u128(number), "name": name, "template": "desk@1", "size": "s",
            "state": "running", "desired": "running", "created_at": "2030-01-01T00:00:00Z",
            "updated_at": "2030-01-01T00:00:00Z", "vcpus": 2, "memory_mib": 2048, "disk_gib": 20,
        });
        serde_json::from_value(desktop).unwrap()
    }

    #[test]
    fn names_ids_and_their_beginnings_mean_a_desktop() {
        let all = [named(1 << 100, "research"), named(2 << 100, "research-2"), named(3 << 100, "build")];
        let lenient: Fits = |desktop, text| exactly(desktop, text) || desktop.name.starts_with(text);
        let name = |text: &str, fits: Fits| choose(&all, text, fits).map(|desktop| desktop.name.as_str());
        let id = all[2].id.to_string();
        for fits in [exactly, lenient] {
            assert_eq!(name("research", fits).unwrap(), "research", "an exact name comes first");
            assert_eq!(name(&id, fits).unwrap(), "build");
            assert_eq!(name(&id[..11], fits).unwrap(), "build");
            assert_eq!(name("x", fits).unwrap_err().detail, "There is no desktop x; rolltop ls lists yours.");
            for nobody in ["", "dsk_", "dsk", &id[4..14]] {
                assert!(name(nobody, fits).is_err(), "{nobody}");
            }
        }
        assert_eq!(name("b", lenient).unwrap(), "build");
        let several = name("res", lenient).unwrap_err();
        assert_eq!((several.exit, several.code.as_str()), (4, "ambiguous_name"));
        assert_eq!(several.detail, "res may mean research, research-2; say more of it.");
    }

    #[test]
    fn what_changes_something_takes_no_beginning_of_a_name() {
        let all = [named(1 << 100, "lab-2"), named(2 << 100, "build")];
        let refused = choose(&all, "lab", exactly).unwrap_err();
        assert_eq!((refused.exit, refused.code.as_str()), (4, "not_found"));
    }
}
