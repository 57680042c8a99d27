//! How long `list` and `get` take with ten thousand desktops in the database.
//!
//! Prints one JSON line each: `{"name":"list_10k","value":…,"unit":"ms","n":…}`, the value being
//! the 99th percentile.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::error::Error;
use std::time::{Duration, Instant};

use rolltop_model::{Actor, ActorId, Choices, DesktopFilter, DesktopId, Size};
use rolltop_store::{ListQuery, Location, NewDesktop, Store};
use rolltop_vault::Vault;

const DESKTOPS: u32 = 10_000;
const SAMPLES: usize = 500;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let vault = Vault::open_or_create(&directory.path().join("vault.key"))?;
    let store = Store::open(&Location::Sqlite(directory.path().join("rolltop.db")), vault).await?;
    let now = jiff::Timestamp::now();
    let workspace = store.first_workspace(now).await?.id;
    let mut ids = Vec::new();
    for number in 0..DESKTOPS {
        let new = NewDesktop {
            id: DesktopId::generate(),
            workspace,
            name: format!("desk-{number}").parse()?,
            template: "desk@0123456789ab".parse()?,
            engine: "sim".to_owned(),
            size: Size::S,
            disk_gib: 20,
            choices: Choices::default(),
            origin: None,
            made_by: Actor::new(ActorId::Unknown, "bench"),
            origin_name: None,
            setup: None,
            limit: DESKTOPS,
            disk_limit: None,
        };
        ids.push(store.create_desktop(new, None, now).await?.desktop.id);
    }
    let mut lists = Vec::new();
    let mut gets = Vec::new();
    for (sample, id) in ids.iter().step_by(ids.len() / SAMPLES).enumerate() {
        let query = ListQuery {
            workspace,
            only: None,
            filter: DesktopFilter {
                state: (sample % 3 == 0).then_some("pending"),
                text: (sample % 5 == 0).then(|| "desk-99".to_owned()),
                ..DesktopFilter::default()
            },
            before: (sample % 2 == 0).then_some(*id),
            limit: 51,
        };
        let begun = Instant::now();
        store.desktops(&query).await?;
        lists.push(begun.elapsed());
        let begun = Instant::now();
        store.desktop(*id).await?;
        store.steps(*id, 1).await?;
        gets.push(begun.elapsed());
    }
    report("list_10k", &mut lists);
    report("get_10k", &mut gets);
    Ok(())
}

fn report(name: &str, samples: &mut [Duration]) {
    samples.sort_unstable();
    let place = samples.len() * 99 / 100;
    let value = samples.get(place).map_or(f64::NAN, |sample| sample.as_secs_f64() * 1000.0);
    println!(r#"{{"name":"{name}","value":{value:.3},"unit":"ms","n":{}}}"#, samples.len());
}
