//! Templates that are made of desktops.

use rolltop_api_types::{LoginsList, SaveTemplate, SavedTemplate, SavedTemplateList, op};
use rolltop_control::purpose;

use crate::call::Call;
use crate::convert;
use crate::problems::ApiError;

pub(crate) async fn save(mut call: Call<op::SaveTemplate>) -> Result<SavedTemplate, ApiError> {
    let access = call.desktop::<purpose::Write>().await?;
    let SaveTemplate { name, title, description, keep } = call.body().await?;
    let wanted = rolltop_control::SaveTemplate { name, title, description, keep };
    Ok(convert::saved_template(call.control.save_template(&access, &wanted).await?))
}

pub(crate) async fn logins(call: Call<op::ListLogins>) -> Result<LoginsList, ApiError> {
    let access = call.desktop::<purpose::ReadFiles>().await?;
    let found = call.control.logins(&access).await?;
    Ok(LoginsList { items: found.into_iter().map(convert::logins).collect() })
}

pub(crate) async fn list(call: Call<op::ListSavedTemplates>) -> Result<SavedTemplateList, ApiError> {
    let own = call.control.saved_templates(&call.caller).await?;
    Ok(SavedTemplateList { items: own.into_iter().map(convert::saved_template).collect() })
}

pub(crate) async fn delete(call: Call<op::DeleteTemplate>) -> Result<(), ApiError> {
    call.control.delete_template(&call.caller, &call.path.0).await?;
    Ok(())
}
