//! What an answer says, to be compared as a whole.

/// An answer as one text: status, media type, body. The request's id is blanked, having been checked.
pub async fn told(request: reqwest::RequestBuilder) -> String {
    let response = request.send().await.unwrap();
    let header = |name: &str| {
        response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    };
    let (id, kind, status) = (header("x-request-id"), header("content-type"), response.status().as_u16());
    assert!(id.starts_with("req_"), "every answer has an id");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("cache-control"), "no-store");
    let mut body: serde_json::Value = response.json().await.unwrap();
    assert_eq!(body["instance"], id);
    assert_eq!(body["status"], status);
    body.as_object_mut().unwrap().remove("instance");
    format!("{status} {kind}\n{}", serde_json::to_string_pretty(&body).unwrap())
}
