//! `GET /v1/desktops/{id}/terminals`, `DELETE /v1/desktops/{id}/terminals/{number}`

use rolltop_api_types::operation::PathPart as _;
use rolltop_api_types::{TerminalList, TerminalNumber, op};
use rolltop_control::purpose;

use crate::call::Call;
use crate::convert;
use crate::problems::ApiError;

pub(crate) async fn list(call: Call<op::ListTerminals>) -> Result<TerminalList, ApiError> {
    let access = call.desktop::<purpose::Control>().await?;
    let terminals = call.control.terminals(&access).await?;
    Ok(TerminalList { items: terminals.into_iter().map(convert::terminal).collect() })
}

pub(crate) async fn close(call: Call<op::CloseTerminal>) -> Result<(), ApiError> {
    let access = call.desktop::<purpose::Control>().await?;
    let (_, named) = call.path;
    call.control.close_terminal(&access, number(named)?).await?;
    Ok(())
}

/// As control knows it.
pub(super) fn number(named: TerminalNumber) -> Result<rolltop_control::TerminalNumber, ApiError> {
    rolltop_control::TerminalNumber::new(named.0)
        .ok_or_else(|| ApiError::new(TerminalNumber::PROBLEM, TerminalNumber::MISSING))
}
