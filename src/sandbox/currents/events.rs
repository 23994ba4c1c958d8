//! Events of people, made up by dice. It must not look at a file or a clock.

use apache_avro::types::Value;
use serde_json::json;

use super::{
    dice::Dice,
    fields::{Holds, Type, USER},
};

/// People invented where nobody is known.
const INVENTED: u64 = 5000;
/// Of a hundred events, those of a person without an external id, and those that say neither it nor a device.
const ANONYMOUS: u64 = 10;
const NOBODY: u64 = 2;
/// One event in so many came late.
const LATE: u64 = 20;
const HOUR: i64 = 3600;

const ZONES: [&str; 5] = [
    "America/New_York",
    "Europe/Berlin",
    "Asia/Tokyo",
    "Europe/London",
    "Australia/Sydney",
];

/// Makes events.
pub(super) struct Maker<'a> {
    seed: u64,
    people: &'a [String],
}

/// Whom an event is about.
struct Person {
    /// `user_id`, 24 digits.
    id: String,
    external: String,
    device: String,
    number: u64,
}

impl<'a> Maker<'a> {
    /// Makes events of these people, or of invented ones.
    pub(super) fn new(seed: u64, people: &'a [String]) -> Self {
        Self { seed, people }
    }

    /// Makes an event queued in the hour that starts at `hour`.
    pub(super) fn event(&self, of: &Type, hour: i64, dice: &mut Dice) -> Value {
        let (id, person, chance) = (dice.uuid(), self.person(dice), dice.below(100));
        let mut time = hour + dice.below(HOUR as u64).cast_signed();
        if dice.below(LATE) == 0 {
            time -= dice.below(6 * HOUR as u64).cast_signed();
        }
        let mut fields = vec![
            ("id".to_owned(), Value::String(id)),
            ("time".to_owned(), Value::Long(time)),
        ];
        for (letter, name) in USER.iter().filter(|(letter, _)| of.user.contains(*letter)) {
            let value = match letter {
                'u' => Value::String(person.id.clone()),
                'e' => optional((chance >= ANONYMOUS).then(|| person.external.clone())),
                'd' => optional((chance >= NOBODY).then(|| person.device.clone())),
                _ => optional(Some(ZONES[(person.number % 5) as usize].to_owned())),
            };
            fields.push(((*name).to_owned(), value));
        }
        // A message is of a campaign or of a canvas.
        let canvas = dice.below(2) == 0;
        for (name, holds) in &of.properties {
            let other = (name.starts_with("canvas_") && !canvas && !of.name.contains(".canvas."))
                || (name.starts_with("campaign_") && canvas && !of.name.contains(".campaigns."));
            let value = if other {
                None
            } else {
                property(name, *holds, &person, dice)
            };
            fields.push(((*name).to_owned(), union(value)));
        }
        Value::Record(fields)
    }

    fn person(&self, dice: &mut Dice) -> Person {
        let many = if self.people.is_empty() {
            INVENTED
        } else {
            self.people.len() as u64
        };
        let number = dice.below(many);
        let known = self.people.get(number as usize).cloned();
        let external = known.unwrap_or_else(|| format!("user-{number:05}"));
        let mut own = Dice::of_text(&external);
        Person {
            id: own.hex(24),
            device: own.uuid(),
            number: own.next() ^ self.seed,
            external,
        }
    }
}

fn optional(text: Option<String>) -> Value {
    union(text.map(Value::String))
}

fn union(value: Option<Value>) -> Value {
    match value {
        None => Value::Union(0, Box::new(Value::Null)),
        Some(value) => Value::Union(1, Box::new(value)),
    }
}

fn property(name: &str, holds: Holds, person: &Person, dice: &mut Dice) -> Option<Value> {
    // Always there: without them an event says nothing.
    let needed = ["name", "product_id", "price", "currency", "app_group_id"].contains(&name);
    if !needed && dice.below(8) == 0 {
        return None;
    }
    Some(match holds {
        Holds::Boolean => Value::Boolean(dice.below(2) == 0),
        Holds::Word => Value::String(dice.one(&["true", "false"]).to_owned()),
        Holds::Long => Value::Long(dice.below(600).cast_signed()),
        Holds::Double => Value::Double(dice.below(100_000) as f64 / 100.0),
        Holds::Text => Value::String(text(name, person, dice)),
    })
}

fn text(name: &str, person: &Person, dice: &mut Dice) -> String {
    let of = |many: u64, dice: &mut Dice| dice.below(many);
    match name {
        "name" => dice.one(&["Signed Up", "Viewed Product", "Added To Cart", "Invited Friend"]).to_owned(),
        "properties" => json!({
            "plan": dice.one(&["free", "gold"]), "seats": dice.below(20), "trial": dice.below(2) == 0,
            "items": [{"sku": format!("sku-{}", dice.below(100))}],
        })
        .to_string(),
        "product_id" => format!("product-{}", of(200, dice)),
        "currency" => dice.one(&["USD", "EUR", "JPY"]).to_owned(),
        "email_address" => format!("person{}@example.com", person.number % 1_000_000),
        "sending_ip" => format!("192.0.2.{}", of(255, dice)),
        "platform" => dice.one(&["ios", "android", "web"]).to_owned(),
        "subscription_status" => dice.one(&["Subscribed", "Unsubscribed"]).to_owned(),
        "app_group_id" => Dice::of_text("workspace").hex(24),
        "message_extras" => json!({"locale": dice.one(&["en", "de"])}).to_string(),
        _ if name.ends_with("phone_number") => format!("+1555{:07}", person.number % 10_000_000),
        _ if name.ends_with("url") => format!("https://shop.example.com/{}", of(50, dice)),
        // A name goes with its id: both follow from one small number.
        _ if name.ends_with("_name") => format!("{} {}", title(name), of(12, dice)),
        _ if name.ends_with("_id") && !["send_id", "dispatch_id"].contains(&name) => {
            let number = of(12, dice);
            Dice::of_text(name).uuid()[..34].to_owned() + &format!("{number:02}")
        }
        "send_id" => dice.hex(24),
        "dispatch_id" => dice.hex(32),
        _ => format!("{} {}", name.replace('_', " "), of(20, dice)),
    }
}

fn title(name: &str) -> String {
    let text = name.trim_end_matches("_name").replace('_', " ");
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + letters.as_str()
    })
}
