//! How the tables came to be, in order. A migration that was released is never changed.

use sea_orm_migration::{MigrationTrait, MigratorTrait};

mod m0001_start;
mod m0002_ssh_keys;
mod m0003_scopes;
mod m0004_api_keys;
mod m0005_device_logins;
mod m0006_shares;
mod m0007_share_labels;

pub(crate) struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_start::Migration),
            Box::new(m0002_ssh_keys::Migration),
            Box::new(m0003_scopes::Migration),
            Box::new(m0004_api_keys::Migration),
            Box::new(m0005_device_logins::Migration),
            Box::new(m0006_shares::Migration),
            Box::new(m0007_share_labels::Migration),
        ]
    }
}
