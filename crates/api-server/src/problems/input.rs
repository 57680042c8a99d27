//! Input that is not of the right form, said in one sentence that repeats nothing that could
//! deceive: no control characters, no direction changes, nothing long.

use rolltop_api_types::{Code, shown};

use super::ApiError;

/// A deserialiser's complaint about the value at `path`, as a problem. `otherwise` is the code for
/// all but unknown fields. Only what comes from our own types is repeated, besides plain field names.
pub(crate) fn explain(path: &str, complaint: &str, otherwise: Code, unknown_field: Code) -> ApiError {
    let quoted = || complaint.split('`').nth(1).and_then(shown);
    let expected = expected(complaint);
    if complaint.starts_with("unknown field") {
        return match quoted() {
            Some(field) => {
                let detail = format!("There is no field {field} here; known: {expected}.");
                ApiError::new(unknown_field, detail).in_field(field)
            }
            None => ApiError::new(
                unknown_field,
                format!("There is a field that is not known here; known: {expected}."),
            ),
        };
    }
    if let (true, Some(field)) = (complaint.starts_with("missing field"), quoted()) {
        return ApiError::new(otherwise, format!("The field {field} is missing.")).in_field(field);
    }
    if let (true, Some(field)) = (complaint.starts_with("duplicate field"), quoted()) {
        return ApiError::new(otherwise, format!("The field {field} is given twice.")).in_field(field);
    }
    let wanted = match expected.as_str() {
        "" => "is not of the right form".to_owned(),
        expected => format!("has to be {expected}"),
    };
    match shown(path).filter(|path| *path != ".") {
        Some(path) => ApiError::new(otherwise, format!("The value of {path} {wanted}.")).in_field(path),
        None => ApiError::new(otherwise, format!("A value {wanted}.")),
    }
}

/// What a deserialiser calls numbers, and what people do.
const NUMBERS: [(&str, &str); 9] = [
    ("u8", "a whole number from 0 to 255"),
    ("u16", "a whole number from 0 to 65535"),
    ("u32", "a whole number from 0 to 4294967295"),
    ("u64", "a whole number, not below 0"),
    ("usize", "a whole number, not below 0"),
    ("i32", "a whole number"),
    ("i64", "a whole number"),
    ("f32", "a number"),
    ("f64", "a number"),
];

/// What would have been right, in the deserialiser's words.
fn expected(complaint: &str) -> String {
    let Some((_, rest)) = complaint.split_once("expected ") else { return String::new() };
    let words = rest.split(" at line ").next().unwrap_or(rest).replace('`', "");
    if let Some((_, words)) = NUMBERS.iter().find(|(number, _)| *number == words) {
        return (*words).to_owned();
    }
    match complaint.starts_with("unknown field") {
        true => words.trim_start_matches("one of ").to_owned(),
        false => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rolltop_api_types::CreateDesktop;

    fn told(json: &str) -> String {
        let mut from = serde_json::Deserializer::from_str(json);
        let error = serde_path_to_error::deserialize::<_, CreateDesktop>(&mut from).unwrap_err();
        let complaint = error.inner().to_string();
        explain(&error.path().to_string(), &complaint, Code::InvalidBody, Code::UnknownField).problem.detail
    }

    #[test]
    fn a_complaint_is_one_sentence_and_repeats_nothing_that_deceives() {
        assert_eq!(
            told(r#"{"nam":1}"#),
            "There is no field nam here; known: name, template, size, screen, labels, note, setup."
        );
        assert_eq!(
            told("{\"\u{202e}x\":1}"),
            "There is a field that is not known here; known: name, template, size, screen, labels, note, setup."
        );
        assert_eq!(told(r#"{"name":"a","name":"b"}"#), "The field name is given twice.");
        assert_eq!(told(r#"{"name":7}"#), "The value of name has to be a string.");
    }
}
