//! The simulation keeps the word that every engine gives, in memory and with a directory.

#![expect(clippy::unwrap_used, reason = "a failed unwrap in a fixture is a failed test")]

use std::time::Duration;

use rolltop_engine::contract::Contract;
use rolltop_engine::{Capability, Engine};
use rolltop_model::Size;
use rolltop_sim::{SimConfig, SimEngine};

async fn check(config: SimConfig) {
    let engine = SimEngine::new(config).unwrap();
    let template = engine.templates().await.unwrap().remove(0).version;
    let limits = (Duration::from_secs(10), Duration::from_secs(1));
    let contract = Contract { template, size: Size::S, boot_limit: limits.0, grace: limits.1 };
    contract.check(&engine).await;
}

#[tokio::test]
async fn the_simulation_keeps_the_engines_contract() {
    check(SimConfig::instant()).await;
}

#[tokio::test]
async fn so_it_does_without_what_not_every_engine_can() {
    check(SimConfig::instant().plain()).await;
    for lacks in [Capability::Memory, Capability::Images] {
        check(SimConfig { lacks: [lacks].into(), ..SimConfig::instant() }).await;
    }
    let lacks = [Capability::Layers, Capability::Images].into();
    check(SimConfig { lacks, ..SimConfig::instant() }).await;
}

#[tokio::test]
async fn so_it_does_when_it_remembers() {
    let directory = tempfile::tempdir().unwrap();
    let config = SimConfig { directory: Some(directory.path().to_owned()), ..SimConfig::instant() };
    check(config.clone()).await;
    check(config).await;
}
