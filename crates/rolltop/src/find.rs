//! Which desktop is meant: by its id, its name, or the beginning of either.

use rolltop_api_types::Desktop;
use rolltop_model::DesktopId;

use crate::connect::Connection;
use crate::failure::{Exit, Failure};

/// How many are named where several are meant.
const NAMED: usize = 5;

pub async fn desktop(connection: &Connection, text: &str) -> Result<Desktop, Failure> {
    if let Ok(id) = text.parse::<DesktopId>() {
        return match connection.client.desktop(id).await {
            Ok(desktop) => Ok(desktop),
            Err(error) => Err(connection.explained(error).await),
        };
    }
    let all = match connection.client.all_desktops().await {
        Ok(all) => all,
        Err(error) => return Err(connection.explained(error).await),
    };
    let found = choose(&all, text)?;
    Ok(found.clone())
}

/// An exact name comes before what only begins so.
fn choose<'a>(all: &'a [Desktop], text: &str) -> Result<&'a Desktop, Failure> {
    if let Some(exact) = all.iter().find(|desktop| desktop.name == text) {
        return Ok(exact);
    }
    let begins = |desktop: &&Desktop| {
        let id = desktop.id.to_string();
        desktop.name.starts_with(text)
            || id.starts_with(text)
            || id.strip_prefix("dsk_").is_some_and(|id| text.len() > 3 && id.starts_with(text))
    };
    let found: Vec<&Desktop> = all.iter().filter(begins).filter(|_| !text.is_empty()).collect();
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
        let name = |text: &str| choose(&all, text).map(|desktop| desktop.name.as_str());
        assert_eq!(name("research").unwrap(), "research", "an exact name comes first");
        assert_eq!(name("b").unwrap(), "build");
        let id = all[2].id.to_string();
        assert_eq!(name(&id).unwrap(), "build");
        let several = name("res").unwrap_err();
        assert_eq!((several.exit, several.code.as_str()), (4, "ambiguous_name"));
        assert_eq!(several.detail, "res may mean research, research-2; say more of it.");
        assert_eq!(name("x").unwrap_err().detail, "There is no desktop x; rolltop ls lists yours.");
        assert!(name("").is_err() && name("dsk_").is_err());
    }
}
