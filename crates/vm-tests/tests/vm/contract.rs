//! The checks that the simulated engine has to pass too.

use rolltop_engine::contract::Contract;
use rolltop_model::Size;

use crate::host::{Host, PATIENCE};

#[tokio::test]
async fn the_qemu_engine_keeps_the_contract() {
    let host = Host::open().await;
    let contract =
        Contract { template: host.template.clone(), size: Size::S, boot_limit: PATIENCE, grace: PATIENCE };
    contract.check(host.engine()).await;
    host.finish().await;
}
