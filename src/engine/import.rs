//! Reads what runs already in both services, for a configuration to declare: lists, of each segment that is not declared yet its
//! texts, and what the integrations of accounts take. It keeps nothing and writes nothing.

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Error, Services, destinations};
use crate::{
    amplitude, braze,
    config::Configuration,
    kinds::{Declared, import_accounts, imported},
    model::{Cohort, Destination, DestinationType, Imported},
};

/// Segments that are asked for side by side.
const AT_ONCE: usize = 8;

/// Where no token is.
const NO_TOKEN: &str = "there is no token of the Developer API; set AMPLITUDE_PAT to a personal access token, name it under \
                        `amplitude` (developer_token: ${AMPLITUDE_PAT:-}), and import again";

/// Reads what runs already and no file declares: `own` says whether the configuration is somebody's, or made for this alone.
pub async fn import(
    amplitude: &amplitude::Reader,
    braze: &braze::Reader,
    services: &Services,
    (configuration, own): (&Configuration, bool),
) -> Result<Imported, Error> {
    let declared = Declared::of(own.then_some(configuration));
    let (cohorts, segments) = tokio::join!(amplitude.cohorts(), braze.segments());
    let (cohorts, segments) = (cohorts?, segments?);
    let unknown = segments
        .into_iter()
        .filter(|segment| !declared.holds(&segment.name));
    let segments: Vec<_> = stream::iter(unknown)
        .map(async |segment| {
            let details = braze.segment_details(&segment.id).await?;
            Ok::<_, Error>((segment, details))
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let mut found = imported(&declared, &cohorts, &segments);
    match accounts(services, configuration, &cohorts).await {
        Ok((accounts, types)) => import_accounts(&declared, &accounts, &types, &mut found),
        Err(why) => found.unseen = Some(why),
    }
    Ok(found)
}

type Accounts = (Vec<Destination>, BTreeMap<String, DestinationType>);

/// Reads the accounts of the project, and what their integrations take; else why they are not seen. The rest is found all the
/// same.
async fn accounts(
    services: &Services,
    configuration: &Configuration,
    cohorts: &[Cohort],
) -> Result<Accounts, String> {
    let Ok(reader) = &services.developer.reader else {
        return Err(NO_TOKEN.to_owned());
    };
    let told = cohorts.iter().find_map(|cohort| cohort.project);
    let project = destinations::which(configuration.amplitude.project_id, None, told);
    let project = project.map_err(|(what, hint)| format!("{what}; {hint}"))?;
    let said = |error: amplitude::Error| error.to_string();
    let accounts = reader.destinations(project).await.map_err(said)?;
    let mut types = BTreeMap::new();
    for account in &accounts {
        if types.contains_key(&account.partner) {
            continue;
        }
        let of = reader.destination_type(&account.partner).await;
        types.extend(of.map_err(said)?.map(|of| (account.partner.clone(), of)));
    }
    Ok((accounts, types))
}
