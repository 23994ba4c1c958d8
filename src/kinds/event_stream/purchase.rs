//! A purchase of Braze out of an event of Amplitude: product, currency, price and quantity (braze.md 7.5). Braze
//! multiplies price and quantity with the error of a float and bills what it gets, so nothing here is rounded.
//!
//! What cannot be a quantity (zero, below zero, a part of one) is a reason to skip the event, and so is an amount with
//! more than fifteen digits. A price below zero is sent as it is: to Amplitude it is a refund, and no page of Braze
//! forbids it.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{
    decimal::Decimal,
    fit::UNITS,
    lookup::{Properties, Property, text},
    spec,
};
use crate::braze::LONGEST_TEXT;

/// The most that Braze takes as a quantity.
const MOST: i64 = 100;

/// Currencies without a smaller unit, and those of a thousand (ISO 4217); all others have cents.
const WHOLE: [&str; 16] = [
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV",
    "XAF", "XOF", "XPF",
];
const THOUSANDTHS: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

/// How a purchase is made of an event.
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    product: Part,
    currency: Part,
    amount: Amount,
    quantity: Option<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    Property(Property),
    Constant(String),
}

#[derive(Clone, Debug)]
enum Amount {
    /// Of one.
    Price(Part),
    /// Of all.
    Revenue(Part),
}

/// What Braze is told of a purchase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sold {
    price: Decimal,
    quantity: i64,
    /// How many they were, where that is not the quantity.
    units: Option<i64>,
}

impl Recipe {
    /// Makes a recipe of what was written; none where it cannot be meant, which is refused where the configuration is
    /// checked.
    pub(super) fn of(written: &spec::Purchase) -> Option<Self> {
        let amount = match (&written.price, &written.revenue) {
            (Some(price), None) => Amount::Price(Part::of(price)?),
            (None, Some(revenue)) => Amount::Revenue(Part::of(revenue)?),
            _ => return None,
        };
        Some(Self {
            product: Part::of(&written.product_id)?,
            currency: Part::of(&written.currency)?,
            amount,
            quantity: match &written.quantity {
                None => None,
                Some(quantity) => Some(Part::of(quantity)?),
            },
        })
    }

    /// Writes a purchase into its object, and what else it has into its properties; a reason where there is none.
    pub(super) fn write(
        &self,
        found: &Properties<'_>,
        object: &mut Map<String, Value>,
        properties: &mut Map<String, Value>,
    ) -> Result<(), &'static str> {
        let product = self.product.text(found).ok_or("no_product")?;
        if product.chars().count() > LONGEST_TEXT {
            return Err("bad_product");
        }
        let currency = self.currency.text(found).ok_or("no_currency")?;
        let currency = currency.trim().to_ascii_uppercase();
        if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err("bad_currency");
        }
        let quantity = match &self.quantity {
            None => 1,
            Some(part) => quantity(part.text(found))?,
        };
        let sold = match &self.amount {
            Amount::Price(part) => Sold::priced(amount(part, found, "no_price")?, quantity),
            Amount::Revenue(part) => {
                let revenue = amount(part, found, "no_revenue")?;
                Some(Sold::of(revenue, quantity, digits(&currency)))
            }
        };
        let sold = sold.ok_or("bad_price")?;
        object.insert("product_id".to_owned(), product.into());
        object.insert("currency".to_owned(), currency.into());
        let price = sold.price.json().ok_or("bad_price")?;
        object.insert("price".to_owned(), Value::Number(price));
        object.insert("quantity".to_owned(), sold.quantity.into());
        if let Some(units) = sold.units {
            properties.insert(UNITS.to_owned(), units.into());
        }
        Ok(())
    }
}

impl Sold {
    /// So many at a price; none where the price of all has too many digits.
    fn priced(price: Decimal, quantity: i64) -> Option<Self> {
        if quantity <= MOST {
            return Some(Self {
                price,
                quantity,
                units: None,
            });
        }
        let price = price.times(quantity)?;
        Some(Self {
            price,
            quantity: 1,
            units: Some(quantity),
        })
    }

    /// So many for an amount, in a currency with so many digits after the point.
    fn of(revenue: Decimal, quantity: i64, digits: u32) -> Self {
        let part = (2..=MOST)
            .contains(&quantity)
            .then(|| revenue.parts(quantity, digits));
        match part.flatten() {
            Some(price) => Self {
                price,
                quantity,
                units: None,
            },
            None => Self {
                price: revenue,
                quantity: 1,
                units: (quantity > 1).then_some(quantity),
            },
        }
    }
}

impl Part {
    fn of(written: &spec::Part) -> Option<Self> {
        Some(match written {
            spec::Part::Property(name) if name.is_empty() => return None,
            spec::Part::Property(name) => Self::Property(
                Property::prefixed(name).unwrap_or_else(|| Property::Event(name.clone())),
            ),
            spec::Part::Constant { value } => Self::Constant(constant(value)?),
        })
    }

    fn text<'a>(&'a self, found: &Properties<'a>) -> Option<Cow<'a, str>> {
        match self {
            Self::Property(property) => {
                let own = found.find(property).and_then(text);
                own.filter(|text| !text.trim().is_empty())
            }
            Self::Constant(value) => Some(Cow::Borrowed(value)),
        }
    }
}

/// Returns a constant as text; none of what neither a text nor a number is.
pub(in crate::kinds) fn constant(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn amount(
    part: &Part,
    found: &Properties<'_>,
    missing: &'static str,
) -> Result<Decimal, &'static str> {
    Decimal::parse(&part.text(found).ok_or(missing)?).ok_or("bad_price")
}

/// Reads a quantity; one where there is none.
fn quantity(text: Option<Cow<'_, str>>) -> Result<i64, &'static str> {
    let Some(text) = text else {
        return Ok(1);
    };
    let quantity = Decimal::parse(&text).and_then(Decimal::as_whole);
    quantity.filter(|one| *one > 0).ok_or("bad_quantity")
}

/// Digits after the point of a currency.
fn digits(currency: &str) -> u32 {
    if WHOLE.contains(&currency) {
        0
    } else if THOUSANDTHS.contains(&currency) {
        3
    } else {
        2
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(revenue: &str, quantity: i64, currency: &str) -> (String, i64, Option<i64>) {
        let sold = Sold::of(Decimal::parse(revenue).unwrap(), quantity, digits(currency));
        (sold.price.to_string(), sold.quantity, sold.units)
    }

    #[test]
    fn revenue_is_divided_where_that_leaves_whole_cents() {
        for (revenue, quantity, currency, price, sent, units) in [
            ("29.94", 2, "USD", "14.97", 2, None),
            ("14.97", 2, "USD", "14.97", 1, Some(2)),
            ("14.97", 1, "USD", "14.97", 1, None),
            ("0", 5, "USD", "0", 5, None),
            ("100", 100, "EUR", "1", 100, None),
            ("101", 101, "EUR", "101", 1, Some(101)),
            ("999", 2, "JPY", "999", 1, Some(2)),
            ("1000", 2, "JPY", "500", 2, None),
            ("0.003", 3, "KWD", "0.001", 3, None),
            ("0.003", 3, "USD", "0.003", 1, Some(3)),
            ("-20", 4, "USD", "-5", 4, None),
        ] {
            let wanted = (price.to_owned(), sent, units);
            assert_eq!(
                of(revenue, quantity, currency),
                wanted,
                "{revenue} / {quantity} {currency}"
            );
        }
    }

    #[test]
    fn a_price_is_multiplied_only_where_braze_cannot() {
        let price = Decimal::parse("0.335").unwrap();
        let told = |quantity| {
            let sold = Sold::priced(price, quantity).unwrap();
            (sold.price.to_string(), sold.quantity, sold.units)
        };
        assert_eq!(told(100), ("0.335".to_owned(), 100, None));
        assert_eq!(told(200), ("67".to_owned(), 1, Some(200)));
    }

    #[test]
    fn a_quantity_is_a_whole_number_above_zero() {
        let read = |text: &str| quantity(Some(text.to_owned().into()));
        assert_eq!(
            (quantity(None), read("3"), read("2.0")),
            (Ok(1), Ok(3), Ok(2))
        );
        for text in ["0", "-1", "1.5", "many", "1e30"] {
            assert_eq!(read(text), Err("bad_quantity"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_braze_counts_is_the_revenue_to_the_cent(cents in -1_000_000_000_i64..1_000_000_000, quantity in 1_i64..300) {
            let text = format!("{}{}.{:02}", if cents < 0 { "-" } else { "" }, cents.abs() / 100, cents.abs() % 100);
            let revenue = Decimal::parse(&text).unwrap();
            let sold = Sold::of(revenue, quantity, 2);
            prop_assert_eq!(sold.price.times(sold.quantity), Some(revenue));
            prop_assert!((1..=MOST).contains(&sold.quantity));
            prop_assert_eq!(sold.units.unwrap_or(sold.quantity), quantity);
            // And as a float, as Braze multiplies, rounded to cents.
            let price: f64 = sold.price.json().unwrap().as_f64().unwrap();
            prop_assert_eq!((price * sold.quantity as f64 * 100.0).round() as i64, cents);
        }
    }
}
