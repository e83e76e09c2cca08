using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Evose.Admin.Platform.Data.Migrations.Postgres
{
    /// <inheritdoc />
    public partial class ChannelsLeaksHygiene : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<string>(
                name: "facts",
                table: "notification",
                type: "text",
                nullable: false,
                defaultValue: "",
                collation: "C");

            migrationBuilder.AddColumn<long>(
                name: "snoozed_until",
                table: "notification",
                type: "bigint",
                nullable: true);

            migrationBuilder.AddColumn<long>(
                name: "frozen_at",
                table: "credential",
                type: "bigint",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "frozen_by",
                table: "credential",
                type: "character varying(256)",
                maxLength: 256,
                nullable: true,
                collation: "C");

            migrationBuilder.AddColumn<string>(
                name: "ladder",
                table: "credential",
                type: "text",
                nullable: true,
                collation: "C");

            migrationBuilder.CreateTable(
                name: "hygiene_finding",
                columns: table => new
                {
                    id = table.Column<byte[]>(type: "bytea", nullable: false),
                    workspace_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    rule = table.Column<string>(type: "character varying(32)", maxLength: 32, nullable: false, collation: "C"),
                    key = table.Column<string>(type: "character varying(80)", maxLength: 80, nullable: false, collation: "C"),
                    subject_kind = table.Column<int>(type: "integer", nullable: false),
                    subject_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    subject = table.Column<string>(type: "character varying(64)", maxLength: 64, nullable: false, collation: "C"),
                    severity = table.Column<int>(type: "integer", nullable: false),
                    text = table.Column<string>(type: "character varying(1000)", maxLength: 1000, nullable: false, collation: "C"),
                    facts_hash = table.Column<string>(type: "character varying(32)", maxLength: 32, nullable: false, collation: "C"),
                    place = table.Column<int>(type: "integer", nullable: false),
                    fix = table.Column<int>(type: "integer", nullable: false),
                    members = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    first_seen_at = table.Column<long>(type: "bigint", nullable: false),
                    last_seen_at = table.Column<long>(type: "bigint", nullable: false),
                    resolved_at = table.Column<long>(type: "bigint", nullable: true),
                    accepted_at = table.Column<long>(type: "bigint", nullable: true),
                    accepted_by = table.Column<string>(type: "character varying(256)", maxLength: 256, nullable: true, collation: "C"),
                    accept_reason = table.Column<string>(type: "character varying(500)", maxLength: 500, nullable: true, collation: "C"),
                    accepted_until = table.Column<long>(type: "bigint", nullable: true),
                    told_at = table.Column<long>(type: "bigint", nullable: true),
                    revision = table.Column<int>(type: "integer", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_hygiene_finding", x => x.id);
                    table.ForeignKey(
                        name: "FK_hygiene_finding_workspace_workspace_id",
                        column: x => x.workspace_id,
                        principalTable: "workspace",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "hygiene_look",
                columns: table => new
                {
                    workspace_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    at = table.Column<long>(type: "bigint", nullable: false),
                    audit_seq = table.Column<long>(type: "bigint", nullable: false),
                    subjects = table.Column<int>(type: "integer", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_hygiene_look", x => x.workspace_id);
                });

            migrationBuilder.CreateTable(
                name: "leak_report",
                columns: table => new
                {
                    id = table.Column<byte[]>(type: "bytea", nullable: false),
                    workspace_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    credential_id = table.Column<byte[]>(type: "bytea", nullable: true),
                    credential = table.Column<string>(type: "character varying(64)", maxLength: 64, nullable: true, collation: "C"),
                    version = table.Column<int>(type: "integer", nullable: true),
                    source = table.Column<int>(type: "integer", nullable: false),
                    place = table.Column<string>(type: "character varying(500)", maxLength: 500, nullable: true, collation: "C"),
                    note = table.Column<string>(type: "character varying(1000)", maxLength: 1000, nullable: true, collation: "C"),
                    reported_by = table.Column<string>(type: "character varying(256)", maxLength: 256, nullable: false, collation: "C"),
                    reported_at = table.Column<long>(type: "bigint", nullable: false),
                    suspected_since = table.Column<long>(type: "bigint", nullable: false),
                    seen = table.Column<int>(type: "integer", nullable: false),
                    last_seen_at = table.Column<long>(type: "bigint", nullable: false),
                    state = table.Column<int>(type: "integer", nullable: false),
                    closed_at = table.Column<long>(type: "bigint", nullable: true),
                    resolution = table.Column<int>(type: "integer", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_leak_report", x => x.id);
                    table.ForeignKey(
                        name: "FK_leak_report_workspace_workspace_id",
                        column: x => x.workspace_id,
                        principalTable: "workspace",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "notification_channel",
                columns: table => new
                {
                    id = table.Column<byte[]>(type: "bytea", nullable: false),
                    workspace_id = table.Column<byte[]>(type: "bytea", nullable: true),
                    kind = table.Column<int>(type: "integer", nullable: false),
                    name = table.Column<string>(type: "character varying(80)", maxLength: 80, nullable: false, collation: "C"),
                    kinds = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    min_severity = table.Column<int>(type: "integer", nullable: false),
                    language = table.Column<string>(type: "character varying(8)", maxLength: 8, nullable: false, collation: "C"),
                    includes_workspaces = table.Column<bool>(type: "boolean", nullable: false),
                    host = table.Column<string>(type: "character varying(260)", maxLength: 260, nullable: true, collation: "C"),
                    sealed_url = table.Column<byte[]>(type: "bytea", nullable: true),
                    sealed_secret = table.Column<byte[]>(type: "bytea", nullable: true),
                    recipients = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    standard_headers = table.Column<bool>(type: "boolean", nullable: false),
                    created_at = table.Column<long>(type: "bigint", nullable: false),
                    created_by = table.Column<string>(type: "character varying(256)", maxLength: 256, nullable: false, collation: "C"),
                    disabled_at = table.Column<long>(type: "bigint", nullable: true),
                    disabled_why = table.Column<string>(type: "character varying(300)", maxLength: 300, nullable: true, collation: "C"),
                    leased_by = table.Column<byte[]>(type: "bytea", nullable: true),
                    leased_until = table.Column<long>(type: "bigint", nullable: true),
                    revision = table.Column<int>(type: "integer", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_notification_channel", x => x.id);
                    table.ForeignKey(
                        name: "FK_notification_channel_workspace_workspace_id",
                        column: x => x.workspace_id,
                        principalTable: "workspace",
                        principalColumn: "id");
                });

            migrationBuilder.CreateTable(
                name: "notification_settings",
                columns: table => new
                {
                    workspace_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    ladder = table.Column<string>(type: "text", nullable: true, collation: "C"),
                    escalate_after_days = table.Column<int>(type: "integer", nullable: false),
                    banner_from_day = table.Column<int>(type: "integer", nullable: true),
                    block_from_day = table.Column<int>(type: "integer", nullable: true),
                    revision = table.Column<int>(type: "integer", nullable: false),
                    changed_at = table.Column<long>(type: "bigint", nullable: false),
                    changed_by = table.Column<string>(type: "character varying(256)", maxLength: 256, nullable: false, collation: "C"),
                    stamp = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_notification_settings", x => x.workspace_id);
                    table.ForeignKey(
                        name: "FK_notification_settings_workspace_workspace_id",
                        column: x => x.workspace_id,
                        principalTable: "workspace",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "value_fingerprint",
                columns: table => new
                {
                    id = table.Column<byte[]>(type: "bytea", nullable: false),
                    version_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    field = table.Column<string>(type: "character varying(32)", maxLength: 32, nullable: false, collation: "C"),
                    fingerprint = table.Column<string>(type: "character varying(64)", maxLength: 64, nullable: false, collation: "C")
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_value_fingerprint", x => x.id);
                    table.ForeignKey(
                        name: "FK_value_fingerprint_credential_version_version_id",
                        column: x => x.version_id,
                        principalTable: "credential_version",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "leak_step",
                columns: table => new
                {
                    id = table.Column<byte[]>(type: "bytea", nullable: false),
                    report_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    act = table.Column<int>(type: "integer", nullable: false),
                    by = table.Column<string>(type: "character varying(256)", maxLength: 256, nullable: false, collation: "C"),
                    at = table.Column<long>(type: "bigint", nullable: false),
                    note = table.Column<string>(type: "character varying(1000)", maxLength: 1000, nullable: true, collation: "C")
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_leak_step", x => x.id);
                    table.ForeignKey(
                        name: "FK_leak_step_leak_report_report_id",
                        column: x => x.report_id,
                        principalTable: "leak_report",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "delivery",
                columns: table => new
                {
                    id = table.Column<byte[]>(type: "bytea", nullable: false),
                    channel_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    notification_id = table.Column<byte[]>(type: "bytea", nullable: true),
                    number = table.Column<long>(type: "bigint", nullable: false),
                    state = table.Column<int>(type: "integer", nullable: false),
                    attempts = table.Column<int>(type: "integer", nullable: false),
                    created_at = table.Column<long>(type: "bigint", nullable: false),
                    next_attempt_at = table.Column<long>(type: "bigint", nullable: false),
                    give_up_at = table.Column<long>(type: "bigint", nullable: false),
                    last_attempt_at = table.Column<long>(type: "bigint", nullable: true),
                    finished_at = table.Column<long>(type: "bigint", nullable: true),
                    last_status = table.Column<int>(type: "integer", nullable: true),
                    last_answer = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: true, collation: "C"),
                    digest_id = table.Column<byte[]>(type: "bytea", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_delivery", x => x.id);
                    table.ForeignKey(
                        name: "FK_delivery_notification_channel_channel_id",
                        column: x => x.channel_id,
                        principalTable: "notification_channel",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                    table.ForeignKey(
                        name: "FK_delivery_notification_notification_id",
                        column: x => x.notification_id,
                        principalTable: "notification",
                        principalColumn: "id");
                });

            migrationBuilder.CreateIndex(
                name: "ix_delivery_channel_id_notification_id",
                table: "delivery",
                columns: new[] { "channel_id", "notification_id" },
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_delivery_channel_id_number",
                table: "delivery",
                columns: new[] { "channel_id", "number" },
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_delivery_notification_id",
                table: "delivery",
                column: "notification_id");

            migrationBuilder.CreateIndex(
                name: "ix_delivery_state_next_attempt_at",
                table: "delivery",
                columns: new[] { "state", "next_attempt_at" });

            migrationBuilder.CreateIndex(
                name: "ix_hygiene_finding_key",
                table: "hygiene_finding",
                column: "key",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_hygiene_finding_subject_id",
                table: "hygiene_finding",
                column: "subject_id");

            migrationBuilder.CreateIndex(
                name: "ix_hygiene_finding_workspace_id",
                table: "hygiene_finding",
                column: "workspace_id",
                filter: "told_at IS NULL AND resolved_at IS NULL AND severity = 2");

            migrationBuilder.CreateIndex(
                name: "ix_hygiene_finding_workspace_id_resolved_at",
                table: "hygiene_finding",
                columns: new[] { "workspace_id", "resolved_at" },
                filter: "resolved_at IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "ix_hygiene_finding_workspace_id_severity_rule_subject",
                table: "hygiene_finding",
                columns: new[] { "workspace_id", "severity", "rule", "subject" },
                filter: "resolved_at IS NULL");

            migrationBuilder.CreateIndex(
                name: "ix_leak_report_credential_id_state",
                table: "leak_report",
                columns: new[] { "credential_id", "state" });

            migrationBuilder.CreateIndex(
                name: "ix_leak_report_workspace_id_reported_at",
                table: "leak_report",
                columns: new[] { "workspace_id", "reported_at" });

            migrationBuilder.CreateIndex(
                name: "ix_leak_step_report_id",
                table: "leak_step",
                column: "report_id");

            migrationBuilder.CreateIndex(
                name: "ix_notification_channel_workspace_id",
                table: "notification_channel",
                column: "workspace_id");

            migrationBuilder.CreateIndex(
                name: "ix_notification_settings_stamp",
                table: "notification_settings",
                column: "stamp");

            migrationBuilder.CreateIndex(
                name: "ix_value_fingerprint_fingerprint",
                table: "value_fingerprint",
                column: "fingerprint");

            migrationBuilder.CreateIndex(
                name: "ix_value_fingerprint_version_id",
                table: "value_fingerprint",
                column: "version_id");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "delivery");

            migrationBuilder.DropTable(
                name: "hygiene_finding");

            migrationBuilder.DropTable(
                name: "hygiene_look");

            migrationBuilder.DropTable(
                name: "leak_step");

            migrationBuilder.DropTable(
                name: "notification_settings");

            migrationBuilder.DropTable(
                name: "value_fingerprint");

            migrationBuilder.DropTable(
                name: "notification_channel");

            migrationBuilder.DropTable(
                name: "leak_report");

            migrationBuilder.DropColumn(
                name: "facts",
                table: "notification");

            migrationBuilder.DropColumn(
                name: "snoozed_until",
                table: "notification");

            migrationBuilder.DropColumn(
                name: "frozen_at",
                table: "credential");

            migrationBuilder.DropColumn(
                name: "frozen_by",
                table: "credential");

            migrationBuilder.DropColumn(
                name: "ladder",
                table: "credential");
        }
    }
}
