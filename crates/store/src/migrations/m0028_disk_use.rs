//! What is on the host's disk belongs to a workspace, and how much that is. A layer below others is of the workspace of what
//! lies over it.

use super::Migration;

pub(super) const MIGRATION: Migration = Migration {
    name: "m0028_disk_use",
    statements: &[
        "ALTER TABLE layers ADD COLUMN workspace_id TEXT",
        "ALTER TABLE layers ADD COLUMN bytes BIGINT NOT NULL DEFAULT 0",
        "ALTER TABLE desktops ADD COLUMN kept_bytes BIGINT NOT NULL DEFAULT 0",
        "ALTER TABLE saved_templates ADD COLUMN bytes BIGINT NOT NULL DEFAULT 0",
        "WITH RECURSIVE owned (id, parent_id, workspace_id) AS (
            SELECT layers.id, layers.parent_id, desktops.workspace_id FROM layers JOIN desktops
                ON desktops.id = layers.desktop_id OR desktops.restore_layer_id = layers.id
            UNION SELECT layers.id, layers.parent_id, snapshots.workspace_id FROM layers JOIN snapshots
                ON snapshots.layer_id = layers.id OR snapshots.next_layer_id = layers.id
            UNION SELECT layers.id, layers.parent_id, owned.workspace_id FROM layers JOIN owned
                ON owned.parent_id = layers.id)
        UPDATE layers SET workspace_id = (SELECT MIN(owned.workspace_id) FROM owned WHERE owned.id = layers.id)",
        "CREATE INDEX layers_workspace ON layers (workspace_id)",
    ],
};

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectOptions, ConnectionTrait, Database, DbBackend, Statement};
    use sea_orm_migration::MigratorTrait;

    use crate::migrations::Migrator;

    #[tokio::test]
    async fn layers_that_are_there_get_the_workspace_of_what_lies_over_them() {
        let mut options = ConnectOptions::new("sqlite::memory:");
        options.max_connections(1);
        let connection = Database::connect(options).await.unwrap();
        Migrator::up(&connection, Some(27)).await.unwrap();
        let layer = |id: &str, parent: &str, desktop: &str| {
            format!(
                "INSERT INTO layers (id, size, layer_key, desktop_id, parent_id, depth, frozen, created_at)
                 VALUES ('{id}', 's', x'00', {desktop}, {parent}, 1, FALSE, 0)"
            )
        };
        let rows = [
            "INSERT INTO workspaces (id, name, created_at) VALUES ('wsp_1', 'One', 0), ('wsp_2', 'Two', 0)".into(),
            "INSERT INTO desktops (id, workspace_id, name, template, size, desired, state, boot, ready_boot, screen_boot,
                restart, attempts, planned_at, receipt, revision, fence, created_at, updated_at)
             VALUES ('dsk_1', 'wsp_1', 'a', 't', 's', 'running', 'running', 1, 1, 1, FALSE, 0, 0, FALSE, 1, 0, 0, 0)"
                .into(),
            "INSERT INTO snapshots (id, workspace_id, desktop_id, desktop_name, name, kind, state, layer_id, template, size,
                has_memory, memory_bytes, disk_bytes, made_by, created_at)
             VALUES ('snp_1', 'wsp_2', 'dsk_9', 'b', 'n', 'manual', 'ready', 'lay_9', 't', 's', FALSE, 0, 0, 'm', 0)"
                .into(),
            layer("lay_1", "NULL", "NULL"),
            layer("lay_2", "'lay_1'", "NULL"),
            layer("lay_3", "'lay_2'", "'dsk_1'"),
            layer("lay_8", "NULL", "NULL"),
            layer("lay_9", "'lay_8'", "NULL"),
        ];
        for row in rows {
            connection.execute_unprepared(&row).await.unwrap();
        }
        Migrator::up(&connection, None).await.unwrap();
        let query = Statement::from_string(DbBackend::Sqlite, "SELECT workspace_id FROM layers ORDER BY id");
        let rows = connection.query_all_raw(query).await.unwrap();
        let of: Vec<String> = rows.iter().map(|row| row.try_get("", "workspace_id").unwrap()).collect();
        assert_eq!(of, ["wsp_1", "wsp_1", "wsp_1", "wsp_2", "wsp_2"]);
    }
}
