//! A whole api process in a temporary directory: database, simulated engine, both sockets.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use rolltop_api_server::{ApiConfig, ServeError, admin_router, bind, router, serve_only_to, serve_unix};
use rolltop_api_types::{
    AdminClient, Client, CreateDesktop, CreateOperatorKey, Desktop, DesktopState, RedeemLink, Scope,
};
use rolltop_control::{Control, ControlConfig, Parts};
use rolltop_model::{DesktopId, WorkspaceId};
use rolltop_sim::{SimConfig, SimEngine};
use rolltop_store::{Location, NewApiKey, Store};
use rolltop_vault::{TokenKind, Vault, hash_token, new_token};
use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::comes_true;
use crate::fronts::own_uid;

pub struct Platform {
    pub engine: Arc<SimEngine>,
    pub admin: AdminClient,
    /// Speaks for nobody.
    pub nobody: Client,
    /// Speaks with an API key that has all scopes.
    pub client: Client,
    pub key: SecretString,
    pub shutdown: CancellationToken,
    pub server: JoinHandle<Result<(), ServeError>>,
    control: Control,
    directory: TempDir,
}

impl Platform {
    pub async fn start() -> Self {
        Self::with(ApiConfig::default(), ControlConfig::default()).await
    }

    pub async fn with(config: ApiConfig, control_config: ControlConfig) -> Self {
        Self::over(SimConfig::instant(), config, control_config).await
    }

    pub async fn over(sim: SimConfig, config: ApiConfig, control_config: ControlConfig) -> Self {
        let directory = TempDir::new().unwrap();
        let engine = Arc::new(SimEngine::new(sim).unwrap());
        let parts =
            Parts { directory: directory.path().to_owned(), engine: engine.clone(), config: control_config };
        let control = Control::open(parts).await.unwrap();
        let shutdown = config.shutdown.clone();
        let listener = bind(&socket(directory.path()), 0o660).unwrap();
        let server = tokio::spawn(serve_unix(listener, router(control.clone(), config), shutdown.clone()));
        let admin_socket = directory.path().join("admin.sock");
        let listener = bind(&admin_socket, 0o600).unwrap();
        tokio::spawn(serve_only_to(
            listener,
            admin_router(control.clone()),
            vec![own_uid(directory.path())],
            shutdown.clone(),
        ));
        let admin = AdminClient::over_unix_socket(&admin_socket).unwrap();
        let key = admin.create_api_key(&CreateOperatorKey::default()).await.unwrap().key;
        let nobody = Client::over_unix_socket(&socket(directory.path())).unwrap();
        let client = nobody.with_token(&key).unwrap();
        Self { engine, admin, nobody, client, key, shutdown, server, control, directory }
    }

    pub fn socket(&self) -> PathBuf {
        socket(self.directory.path())
    }

    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Plain HTTP, for requests that no client of ours would send.
    pub fn http(&self) -> reqwest::Client {
        reqwest::Client::builder().unix_socket(self.socket()).build().unwrap()
    }

    /// A request with the key's credential.
    pub fn raw(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.http().request(method, format!("http://api{path}")).bearer_auth(self.key.expose_secret())
    }

    /// A session, as a browser would have it after following a link.
    pub async fn session(&self) -> Client {
        self.session_with_token().await.0
    }

    pub async fn session_with_token(&self) -> (Client, SecretString) {
        let link = self.admin.sign_in_link().await.unwrap().link_token;
        let session = self.nobody.redeem_link(&RedeemLink { link }).await.unwrap();
        (self.nobody.with_token(&session.token).unwrap(), session.token)
    }

    /// Where the database and the vault's key are.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The database itself, for what can't be made over the API.
    pub async fn store(&self) -> Store {
        let vault = Vault::open_or_create(&self.directory().join("vault.key")).unwrap();
        Store::open(&Location::Sqlite(self.directory().join("rolltop.db")), vault).await.unwrap()
    }

    /// A key with all scopes of a workspace of its own.
    pub async fn stranger(&self) -> SecretString {
        let store = self.store().await;
        let first = store.first_workspace(Timestamp::now()).await.unwrap().id;
        let workspace = store.insert_workspace("Second", Timestamp::now()).await.unwrap().id;
        assert_ne!(workspace, first);
        insert_key(&store, workspace, None).await
    }

    pub async fn create(&self, name: &str) -> Desktop {
        let wanted = CreateDesktop { name: Some(name.into()), ..CreateDesktop::default() };
        self.client.create_desktop(&wanted, None).await.unwrap()
    }

    pub async fn running(&self, name: &str) -> Desktop {
        let id = self.create(name).await.id;
        self.until(id, DesktopState::Running).await
    }

    /// The desktop once it is in this state.
    pub async fn until(&self, id: DesktopId, state: DesktopState) -> Desktop {
        let mut last = None;
        let reached = comes_true(async || {
            let desktop = self.client.desktop(id).await.unwrap();
            let reached = desktop.state == state;
            last = Some(desktop);
            reached
        });
        if !reached.await {
            panic!("not {state:?} in time: {last:#?}");
        }
        last.unwrap()
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// A key with all scopes, as the database has it.
pub async fn insert_key(
    store: &Store,
    workspace: WorkspaceId,
    expires_at: Option<Timestamp>,
) -> SecretString {
    let token = new_token(TokenKind::ApiKey);
    let new = NewApiKey {
        workspace,
        name: "stranger".into(),
        token: hash_token(&token),
        scopes: Scope::ALL.iter().map(|scope| scope.as_str().to_owned()).collect(),
        desktop: None,
        expires_at,
        maker: None,
        limit: 100,
    };
    store.insert_api_key(new, Timestamp::now()).await.unwrap();
    token
}

fn socket(directory: &Path) -> PathBuf {
    directory.join("api.sock")
}
