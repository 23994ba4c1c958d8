//! Event types of Currents and what each holds, after the published samples (braze.md, Appendix A). It must not know types
//! of fields, or make a value up.

/// Names of groups and the properties they stand for.
pub(super) const GROUPS: [(&str, &[&str]); 8] = [
    ("app", &["app_group_id"]),
    ("cmp", &["campaign_id", "campaign_name"]),
    ("mv", &["message_variation_id", "message_variation_name"]),
    (
        "cv",
        &[
            "canvas_id",
            "canvas_name",
            "canvas_step_id",
            "canvas_step_name",
            "canvas_variation_id",
            "canvas_variation_name",
        ],
    ),
    ("snd", &["send_id"]),
    ("dsp", &["dispatch_id"]),
    ("ad", &["ad_id", "ad_id_type", "ad_tracking_enabled"]),
    ("dev", &["app_id", "device_model", "os_version", "platform"]),
];

/// A type: its name, what it says of the user (`u` user_id, `e` external_user_id, `d` device_id, `t` timezone), its
/// groups, its other properties. Storage has `properties` where the HTTP shape has `custom_properties` and
/// `purchase_properties`.
pub(super) type Entry = (&'static str, &'static str, &'static str, &'static str);

const MESSAGE: &str = "app cmp mv cv snd dsp";
const SHOWN: &str = "app cmp mv cv snd dsp ad dev";

/// The types that files are made of. The last is in no catalogue: new ones come without a word.
pub(super) const TYPES: [Entry; 44] = [
    (
        "users.behaviors.CustomEvent",
        "uedt",
        "app ad dev",
        "name properties",
    ),
    (
        "users.behaviors.Purchase",
        "ued",
        "app ad dev",
        "product_id price currency properties",
    ),
    ("users.behaviors.InstallAttribution", "ued", "app", "source"),
    (
        "users.behaviors.Location",
        "ued",
        "app ad dev",
        "alt_accuracy altitude latitude ll_accuracy longitude",
    ),
    ("users.behaviors.Uninstall", "ued", "app", "app_id"),
    (
        "users.behaviors.app.FirstSession",
        "uedt",
        "app dev",
        "session_id",
    ),
    (
        "users.behaviors.app.SessionStart",
        "ued",
        "app dev",
        "session_id",
    ),
    (
        "users.behaviors.app.SessionEnd",
        "ued",
        "app dev",
        "duration session_id",
    ),
    (
        "users.behaviors.subscription.GlobalStateChange",
        "uet",
        "app cmp mv cv snd",
        "app_id channel channel_identifier email_address state_change_source subscription_status",
    ),
    (
        "users.behaviors.subscriptiongroup.StateChange",
        "uedt",
        MESSAGE,
        "app_id channel channel_identifier email_address phone_number state_change_source subscription_group_id subscription_status",
    ),
    (
        "users.campaigns.Conversion",
        "uedt",
        "app cmp mv snd dsp",
        "app_id conversion_behavior conversion_behavior_index",
    ),
    (
        "users.campaigns.EnrollInControl",
        "uedt",
        "app cmp mv snd dsp",
        "app_id",
    ),
    (
        "users.canvas.Conversion",
        "uedt",
        "app cv",
        "app_id conversion_behavior conversion_behavior_index",
    ),
    ("users.canvas.Entry", "uedt", "app cv", "in_control_group"),
    ("users.canvas.exit.MatchedAudience", "ue", "app cv", ""),
    (
        "users.canvas.experimentstep.SplitEntry",
        "ue",
        "cv",
        "experiment_split_id experiment_split_name experiment_step_id in_control_group",
    ),
    (
        "users.messages.banner.Impression",
        "uedt",
        "app cmp mv cv ad dev",
        "banner_placement_id browser canvas_step_message_variation_api_id",
    ),
    (
        "users.messages.contentcard.Send",
        "uedt",
        MESSAGE,
        "content_card_id message_extras",
    ),
    (
        "users.messages.contentcard.Impression",
        "uedt",
        SHOWN,
        "content_card_id",
    ),
    (
        "users.messages.contentcard.Click",
        "uedt",
        SHOWN,
        "content_card_id",
    ),
    (
        "users.messages.contentcard.Dismiss",
        "uedt",
        SHOWN,
        "content_card_id",
    ),
    (
        "users.messages.email.Send",
        "uedt",
        MESSAGE,
        "email_address ip_pool message_extras",
    ),
    (
        "users.messages.email.Delivery",
        "uedt",
        MESSAGE,
        "email_address esp from_domain ip_pool sending_ip",
    ),
    (
        "users.messages.email.Open",
        "uedt",
        MESSAGE,
        "browser device_class device_model device_os email_address esp from_domain ip_pool is_amp machine_open mailbox_provider user_agent",
    ),
    (
        "users.messages.email.Click",
        "uedt",
        MESSAGE,
        "browser device_class device_model device_os email_address esp from_domain ip_pool is_amp is_suspected_bot_click link_alias link_id mailbox_provider suspected_bot_click_reason url user_agent",
    ),
    (
        "users.messages.email.Bounce",
        "uedt",
        MESSAGE,
        "bounce_reason email_address esp from_domain ip_pool is_drop sending_ip",
    ),
    (
        "users.messages.email.SoftBounce",
        "uedt",
        MESSAGE,
        "bounce_reason email_address esp from_domain ip_pool sending_ip",
    ),
    (
        "users.messages.email.MarkAsSpam",
        "uedt",
        MESSAGE,
        "email_address esp from_domain ip_pool user_agent",
    ),
    (
        "users.messages.email.Unsubscribe",
        "uedt",
        MESSAGE,
        "email_address ip_pool",
    ),
    (
        "users.messages.inappmessage.Impression",
        "uedt",
        SHOWN,
        "card_id locale_key message_extras",
    ),
    (
        "users.messages.inappmessage.Click",
        "uedt",
        SHOWN,
        "button_id card_id",
    ),
    (
        "users.messages.pushnotification.Send",
        "uedt",
        "app cmp mv cv snd dsp ad",
        "app_id locale_key message_extras platform push_token",
    ),
    (
        "users.messages.pushnotification.Open",
        "uedt",
        SHOWN,
        "button_action_type button_string",
    ),
    (
        "users.messages.pushnotification.Bounce",
        "uedt",
        "app cmp mv cv snd dsp ad",
        "app_id platform push_token",
    ),
    (
        "users.messages.pushnotification.IosForeground",
        "uedt",
        SHOWN,
        "",
    ),
    (
        "users.messages.sms.Send",
        "uedt",
        MESSAGE,
        "category message_extras subscription_group_id to_phone_number",
    ),
    (
        "users.messages.sms.Delivery",
        "uedt",
        MESSAGE,
        "from_phone_number is_sms_fallback subscription_group_id to_phone_number",
    ),
    (
        "users.messages.sms.InboundReceive",
        "ue",
        "app cmp mv cv",
        "action inbound_phone_number media_urls message_body subscription_group_id user_phone_number",
    ),
    (
        "users.messages.rcs.Click",
        "ued",
        "app cmp mv cv snd",
        "element_label element_type interaction_type is_suspected_bot_click short_url subscription_group_id suspected_bot_click_reason url user_agent user_phone_number",
    ),
    (
        "users.messages.line.Send",
        "uedt",
        "app cmp snd dsp",
        "canvas_id canvas_step_id canvas_step_name canvas_variation_id line_channel_id line_channel_name message_extras message_variation_id native_line_id subscription_group_id",
    ),
    (
        "users.messages.whatsapp.Read",
        "uedt",
        MESSAGE,
        "bsuid flow_id from_phone_number message_id subscription_group_id template_name to_phone_number",
    ),
    (
        "users.messages.webhook.Send",
        "uedt",
        MESSAGE,
        "message_extras",
    ),
    (
        "users.messages.webhook.Failure",
        "ue",
        MESSAGE,
        "content_length endpoint_url host http_status_code is_terminal raw_response retry_count url_path webhook_duration webhook_failure_source",
    ),
    (
        "users.messages.carrierpigeon.Release",
        "uedt",
        MESSAGE,
        "loft_id wind_speed",
    ),
];
