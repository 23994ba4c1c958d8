//! `syncform init`: a commented starter configuration, its schema for editors, an ignore file, a CI workflow and people to
//! try it with. It asks on a terminal, takes flags elsewhere, and never overwrites.

mod answers;
mod ask;
mod draft;
pub(super) mod place;
mod told;

use std::{
    fs,
    io::{self, IsTerminal},
    path::Path,
};

use clap::Args;

use self::{answers::Answers, ask::ask, told::Done};
use super::{
    failure::{Exit, Failure},
    global::Global,
    look, open, schema, talk,
};
use crate::model::{Diagnostic, Severity};

/// Name of the configuration.
const CONFIGURATION: &str = "syncform.yaml";
/// Name of its schema, which is no configuration to the loader.
const SCHEMA: &str = ".syncform.schema.json";
/// Name of the CI workflow, in the repository.
const WORKFLOW: &str = ".github/workflows/syncform.yml";

/// Write a commented starter configuration; nothing is overwritten
#[derive(Debug, Args)]
#[command(
    after_help = "On a terminal it asks what no flag says; elsewhere, and with --yes, it takes the defaults: the directory's name, us, US-01, \"Power users\", attribute_array, github. The directory is made where it is not there.\n\nExamples:\n  syncform init\n  syncform init --yes && syncform plan --sandbox\n  syncform -C audiences init --cohort 'Active 30d' --to attribute_flag"
)]
pub(super) struct Arguments {
    /// Name of the workspace: one Amplitude project with one Braze workspace
    #[arg(long, value_name = "NAME", env = "SYNCFORM_WORKSPACE", hide_env = true)]
    workspace: Option<String>,
    /// Where Amplitude keeps the project: us or eu
    #[arg(long, value_name = "REGION", env = "SYNCFORM_REGION", hide_env = true)]
    region: Option<String>,
    /// Braze's instance, as its dashboard names it, such as US-01
    #[arg(long, value_name = "NAME", env = "SYNCFORM_INSTANCE", hide_env = true)]
    instance: Option<String>,
    /// Braze's REST URL, instead of the instance
    #[arg(long, value_name = "URL", env = "SYNCFORM_ENDPOINT", hide_env = true)]
    endpoint: Option<String>,
    /// A first cohort, by its name in Amplitude
    #[arg(long, value_name = "NAME", env = "SYNCFORM_COHORT", hide_env = true)]
    cohort: Option<String>,
    /// Where it goes: attribute_array, attribute_flag or cohort_import
    #[arg(long, value_name = "TARGET", env = "SYNCFORM_TO", hide_env = true)]
    to: Option<String>,
    /// CI workflow: github or none
    #[arg(long, value_name = "CI", env = "SYNCFORM_CI", hide_env = true)]
    ci: Option<String>,
    /// Write no invented people into `sandbox/`
    #[arg(long, env = "SYNCFORM_NO_EXAMPLE", hide_env = true)]
    no_example: bool,
    /// Ask nothing: take the defaults
    #[arg(short, long, env = "SYNCFORM_YES", hide_env = true)]
    yes: bool,
}

pub(super) fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let there = place::configuration(&global.chdir)?;
    let (root, below) = place::repository(&global.chdir);
    let workflow = root.join(WORKFLOW);
    let mut defaults = arguments.checked(&global.chdir)?;
    if let Some(name) = &there
        && let Some(flag) = arguments.about_configuration()
    {
        return Err(Failure::error(format!(
            "a configuration is there already ({name}), and is not overwritten: {flag} can change nothing"
        ))
        .with_hint("edit it; without that flag, init adds what else is missing"));
    }
    let asks = io::stdin().is_terminal() && io::stderr().is_terminal() && !arguments.yes;
    if asks {
        let new = there.is_none();
        arguments.asked(&mut defaults, &global.chdir, new, !workflow.exists())?;
    }
    if defaults.ci == "github" && !workflow.exists() && below.contains("${{") {
        return Err(Failure::error(
            "the path of this directory holds `${{`, where GitHub would read an expression of the workflow",
        )
        .with_hint("give the directory another name, or write no workflow: --ci none"));
    }
    let mut done = Done::default();
    let here = |name: &str| global.chdir.join(name);
    if let Some(name) = &there {
        done.kept.push(here(name));
    } else {
        done.write(here(CONFIGURATION), &defaults.configuration())?;
    }
    done.write(here(SCHEMA), &schema::configuration()?)?;
    let ignore = here(".gitignore");
    done.write(ignore.clone(), &draft::ignored())?;
    if there.is_none() && defaults.example && !here("sandbox").exists() {
        for (name, text) in defaults.example(open::now()) {
            done.write(here(name), &text)?;
        }
    }
    if defaults.ci == "github" {
        done.write(workflow.clone(), &defaults.workflow(&below))?;
    }
    let mut said = done.drawn();
    said += &told::unignored(&ignore)?;
    if done.wrote(&workflow) && there.is_some() {
        said += told::STATE;
    }
    if done.kept.contains(&workflow)
        && !fs::read_to_string(&workflow).is_ok_and(|text| text.contains(&draft::at(&below)))
    {
        said += told::ELSEWHERE;
    }
    said += &told::next(global, &defaults, there.is_none());
    talk::result(&look::page(&said))?;
    Ok(Exit::Done)
}

impl Arguments {
    /// Returns what the flags and the defaults say; all that is wrong with the flags at once.
    fn checked(&self, directory: &Path) -> Result<Answers, Failure> {
        let mut wrong = Vec::new();
        let mut take = |flag: &str,
                        said: &Option<String>,
                        default: &str,
                        check: fn(&str) -> Result<String, String>| {
            let checked = check(said.as_deref().map_or(default, str::trim));
            checked.unwrap_or_else(|why| {
                wrong.push(finding(format!("--{flag}: {why}")));
                String::new()
            })
        };
        let named = named(directory);
        let workspace = take("workspace", &self.workspace, &named, answers::name);
        let region = take("region", &self.region, "us", answers::region);
        let instance = take("instance", &self.instance, "US-01", answers::instance);
        let endpoint = take("endpoint", &self.endpoint, "https://x", answers::endpoint);
        let cohort = take("cohort", &self.cohort, "Power users", answers::name);
        let to = take("to", &self.to, answers::TARGETS[0], answers::target);
        let ci = take("ci", &self.ci, answers::WORKFLOWS[0], answers::workflow);
        if self.instance.is_some() && self.endpoint.is_some() {
            wrong.push(finding(
                "--instance and --endpoint say the same: give one of them".to_owned(),
            ));
        }
        if !wrong.is_empty() {
            return Err(Failure::Configuration(wrong));
        }
        Ok(Answers {
            workspace,
            region,
            instance: match self.endpoint {
                Some(_) => endpoint,
                None => instance,
            },
            cohort,
            to,
            ci,
            example: !self.no_example,
        })
    }

    /// Returns a flag that says something about the configuration itself.
    fn about_configuration(&self) -> Option<&'static str> {
        let flags = [
            (&self.workspace, "--workspace"),
            (&self.region, "--region"),
            (&self.instance, "--instance"),
            (&self.endpoint, "--endpoint"),
            (&self.cohort, "--cohort"),
            (&self.to, "--to"),
        ];
        flags.iter().find(|(said, _)| said.is_some()).map(|it| it.1)
    }

    /// Asks what no flag says: about the configuration where it is new, about the workflow where there is none.
    fn asked(
        &self,
        answers: &mut Answers,
        directory: &Path,
        new: bool,
        workflow: bool,
    ) -> Result<(), Failure> {
        if !new && (!workflow || self.ci.is_some()) {
            return Ok(());
        }
        if new {
            let place = match directory.to_str() {
                Some(".") => "this directory".to_owned(),
                _ => directory.display().to_string(),
            };
            talk::say(&format!(
                "A new configuration in {place}. Enter takes what is in brackets, Ctrl-C leaves nothing behind.\n"
            ));
        }
        let asks = |flag: &Option<String>| new && flag.is_none();
        if asks(&self.workspace) {
            answers.workspace = ask("Name of the workspace", &answers.workspace, answers::name)?;
        }
        if asks(&self.region) {
            let question = "Amplitude keeps its data in us or eu";
            answers.region = ask(question, &answers.region, answers::region)?;
        }
        if asks(&self.instance) && self.endpoint.is_none() {
            let question = "Braze instance, or its REST URL";
            answers.instance = ask(question, &answers.instance, answers::instance)?;
        }
        if asks(&self.cohort) {
            let question = "First cohort, by its name in Amplitude";
            answers.cohort = ask(question, &answers.cohort, answers::name)?;
        }
        if asks(&self.to) {
            talk::say(
                "In Braze it can be a label in an attribute_array, an attribute_flag, or, with a partner key, a cohort_import.",
            );
            answers.to = ask("Where it goes", &answers.to, answers::target)?;
        }
        if workflow && self.ci.is_none() {
            answers.ci = ask(
                "CI workflow: github or none",
                &answers.ci,
                answers::workflow,
            )?;
        }
        if new && !self.no_example {
            let question = "Invented people, to try it without any key";
            answers.example = ask(question, "yes", answers::yes)?;
        }
        talk::say("");
        Ok(())
    }
}

fn finding(message: String) -> Diagnostic {
    Diagnostic {
        code: "flag",
        severity: Severity::Error,
        place: None,
        message,
        hint: None,
    }
}

/// A name for the workspace: that of the directory.
pub(super) fn named(directory: &Path) -> String {
    let whole = place::whole(directory).unwrap_or_default();
    let name = whole.file_name().map(|name| name.to_string_lossy());
    answers::slug(name.as_deref().unwrap_or_default(), "acme")
}
