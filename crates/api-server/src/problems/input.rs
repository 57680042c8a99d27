//! Input that is not of the right form, said in one sentence that repeats nothing that could
//! deceive: no control characters, no direction changes, nothing long.

use rolltop_api_types::Code;

use super::ApiError;

/// Longest piece of somebody's input that is repeated, in bytes.
const SHOWN_LENGTH: usize = 60;

/// The text, where it is plain enough to be repeated in a sentence.
pub(crate) fn shown(text: &str) -> Option<&str> {
    let plain = !text.is_empty() && text.len() <= SHOWN_LENGTH && text.bytes().all(|b| b.is_ascii_graphic());
    plain.then_some(text)
}

/// A deserialiser's complaint as a problem. `otherwise` is the code for all but unknown fields.
/// Only what comes from our own types is repeated, besides plain field names.
pub(crate) fn explain(message: &str, otherwise: Code, unknown_field: Code) -> ApiError {
    let quoted = || message.split('`').nth(1).and_then(shown);
    let expected = message
        .split_once("expected ")
        .map(|(_, rest)| rest.split(" at line ").next().unwrap_or(rest).replace('`', ""))
        .unwrap_or_default();
    if message.starts_with("unknown field") {
        let known = expected.trim_start_matches("one of ");
        let detail = match quoted() {
            Some(field) => format!("There is no field {field} here; there is {known}."),
            None => format!("There is a field that is not known here; there is {known}."),
        };
        let error = ApiError::new(unknown_field, detail);
        return match quoted() {
            Some(field) => error.in_field(field),
            None => error,
        };
    }
    if let (true, Some(field)) = (message.starts_with("missing field"), quoted()) {
        return ApiError::new(otherwise, format!("The field {field} is missing.")).in_field(field);
    }
    if let (true, Some(field)) = (message.starts_with("duplicate field"), quoted()) {
        return ApiError::new(otherwise, format!("The field {field} is given twice.")).in_field(field);
    }
    if expected.is_empty() {
        return ApiError::new(otherwise, "A value has not the form that is expected.");
    }
    ApiError::new(otherwise, format!("A value has not the form that is expected: {expected}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rolltop_api_types::CreateDesktop;

    fn told(json: &str) -> String {
        let error = serde_json::from_str::<CreateDesktop>(json).unwrap_err();
        explain(&error.to_string(), Code::InvalidBody, Code::UnknownField).problem.detail
    }

    #[test]
    fn a_complaint_is_one_sentence_and_repeats_nothing_that_deceives() {
        assert_eq!(told(r#"{"nam":1}"#), "There is no field nam here; there is name, template, size.");
        assert_eq!(
            told("{\"\u{202e}x\":1}"),
            "There is a field that is not known here; there is name, template, size."
        );
        assert_eq!(told(r#"{"name":"a","name":"b"}"#), "The field name is given twice.");
        assert_eq!(told(r#"{"name":7}"#), "A value has not the form that is expected: a string.");
    }
}
