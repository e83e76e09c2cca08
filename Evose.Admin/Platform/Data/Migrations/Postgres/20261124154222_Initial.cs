using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata;

#nullable disable

namespace Evose.Admin.Platform.Data.Migrations.Postgres
{
    /// <inheritdoc />
    public partial class Initial : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "admin_user",
                columns: table => new
                {
                    id = table.Column<byte[]>(type: "bytea", nullable: false),
                    organization_role = table.Column<int>(type: "integer", nullable: false),
                    created_at = table.Column<long>(type: "bigint", nullable: false),
                    disabled_at = table.Column<long>(type: "bigint", nullable: true),
                    user_name = table.Column<string>(type: "character varying(256)", maxLength: 256, nullable: true, collation: "C"),
                    normalized_user_name = table.Column<string>(type: "character varying(256)", maxLength: 256, nullable: true, collation: "C"),
                    email = table.Column<string>(type: "character varying(256)", maxLength: 256, nullable: true, collation: "C"),
                    normalized_email = table.Column<string>(type: "character varying(256)", maxLength: 256, nullable: true, collation: "C"),
                    email_confirmed = table.Column<bool>(type: "boolean", nullable: false),
                    password_hash = table.Column<string>(type: "text", nullable: true, collation: "C"),
                    security_stamp = table.Column<string>(type: "text", nullable: true, collation: "C"),
                    concurrency_stamp = table.Column<string>(type: "text", nullable: true, collation: "C"),
                    phone_number = table.Column<string>(type: "text", nullable: true, collation: "C"),
                    phone_number_confirmed = table.Column<bool>(type: "boolean", nullable: false),
                    two_factor_enabled = table.Column<bool>(type: "boolean", nullable: false),
                    lockout_end = table.Column<long>(type: "bigint", nullable: true),
                    lockout_enabled = table.Column<bool>(type: "boolean", nullable: false),
                    access_failed_count = table.Column<int>(type: "integer", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_admin_user", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "api_key",
                columns: table => new
                {
                    id = table.Column<byte[]>(type: "bytea", nullable: false),
                    public_id = table.Column<string>(type: "character varying(12)", maxLength: 12, nullable: false, collation: "C"),
                    hash = table.Column<byte[]>(type: "bytea", nullable: false),
                    name = table.Column<string>(type: "character varying(120)", maxLength: 120, nullable: false, collation: "C"),
                    scopes = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    workspace_ids = table.Column<string>(type: "text", nullable: true, collation: "C"),
                    agent_id = table.Column<byte[]>(type: "bytea", nullable: true),
                    created_at = table.Column<long>(type: "bigint", nullable: false),
                    created_by = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    expires_at = table.Column<long>(type: "bigint", nullable: true),
                    revoked_at = table.Column<long>(type: "bigint", nullable: true),
                    last_used_at = table.Column<long>(type: "bigint", nullable: true),
                    stamp = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_api_key", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "audit_event",
                columns: table => new
                {
                    seq = table.Column<long>(type: "bigint", nullable: false),
                    at = table.Column<long>(type: "bigint", nullable: false),
                    workspace_id = table.Column<byte[]>(type: "bytea", nullable: true),
                    actor_kind = table.Column<int>(type: "integer", nullable: false),
                    actor_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    actor_name = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    ip = table.Column<string>(type: "text", nullable: true, collation: "C"),
                    request_id = table.Column<string>(type: "text", nullable: true, collation: "C"),
                    action = table.Column<int>(type: "integer", nullable: false),
                    outcome = table.Column<int>(type: "integer", nullable: false),
                    subject = table.Column<string>(type: "text", nullable: true, collation: "C"),
                    subject_id = table.Column<byte[]>(type: "bytea", nullable: true),
                    credential_id = table.Column<byte[]>(type: "bytea", nullable: true),
                    policy_version = table.Column<int>(type: "integer", nullable: true),
                    detail = table.Column<string>(type: "text", nullable: true, collation: "C"),
                    link = table.Column<byte[]>(type: "bytea", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_audit_event", x => x.seq);
                });

            migrationBuilder.CreateTable(
                name: "call_completion",
                columns: table => new
                {
                    call_seq = table.Column<long>(type: "bigint", nullable: false),
                    lane = table.Column<int>(type: "integer", nullable: false),
                    position = table.Column<long>(type: "bigint", nullable: false),
                    at = table.Column<long>(type: "bigint", nullable: false),
                    status = table.Column<int>(type: "integer", nullable: true),
                    duration_us = table.Column<long>(type: "bigint", nullable: false),
                    outcome = table.Column<int>(type: "integer", nullable: false),
                    reason = table.Column<string>(type: "text", nullable: true, collation: "C"),
                    link = table.Column<byte[]>(type: "bytea", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_call_completion", x => x.call_seq);
                });

            migrationBuilder.CreateTable(
                name: "call_record",
                columns: table => new
                {
                    seq = table.Column<long>(type: "bigint", nullable: false),
                    lane = table.Column<int>(type: "integer", nullable: false),
                    position = table.Column<long>(type: "bigint", nullable: false),
                    id = table.Column<byte[]>(type: "bytea", nullable: false),
                    at = table.Column<long>(type: "bigint", nullable: false),
                    workspace_id = table.Column<byte[]>(type: "bytea", nullable: true),
                    tool_id = table.Column<byte[]>(type: "bytea", nullable: true),
                    tool = table.Column<string>(type: "text", nullable: true, collation: "C"),
                    agent_id = table.Column<byte[]>(type: "bytea", nullable: true),
                    agent = table.Column<string>(type: "text", nullable: true, collation: "C"),
                    workflow_id = table.Column<byte[]>(type: "bytea", nullable: true),
                    workflow = table.Column<string>(type: "text", nullable: true, collation: "C"),
                    run_id = table.Column<string>(type: "text", nullable: true, collation: "C"),
                    user_id = table.Column<string>(type: "text", nullable: true, collation: "C"),
                    user_name = table.Column<string>(type: "text", nullable: true, collation: "C"),
                    user_email = table.Column<string>(type: "text", nullable: true, collation: "C"),
                    api_key_id = table.Column<byte[]>(type: "bytea", nullable: true),
                    api_key = table.Column<string>(type: "text", nullable: true, collation: "C"),
                    ip = table.Column<string>(type: "text", nullable: true, collation: "C"),
                    credential_id = table.Column<byte[]>(type: "bytea", nullable: true),
                    credential = table.Column<string>(type: "text", nullable: true, collation: "C"),
                    version = table.Column<int>(type: "integer", nullable: true),
                    method = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    host = table.Column<string>(type: "text", nullable: true, collation: "C"),
                    path = table.Column<string>(type: "text", nullable: true, collation: "C"),
                    refused = table.Column<bool>(type: "boolean", nullable: false),
                    rule = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    request_id = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    link = table.Column<byte[]>(type: "bytea", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_call_record", x => x.seq);
                });

            migrationBuilder.CutCallsByMonth();

            migrationBuilder.CreateTable(
                name: "chain_head",
                columns: table => new
                {
                    lane = table.Column<string>(type: "character varying(16)", maxLength: 16, nullable: false, collation: "C"),
                    seq = table.Column<long>(type: "bigint", nullable: false),
                    link = table.Column<byte[]>(type: "bytea", nullable: false),
                    mac = table.Column<byte[]>(type: "bytea", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_chain_head", x => x.lane);
                });

            migrationBuilder.CreateTable(
                name: "credential_use",
                columns: table => new
                {
                    credential_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    last_used_at = table.Column<long>(type: "bigint", nullable: false),
                    calls = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_credential_use", x => x.credential_id);
                });

            migrationBuilder.CreateTable(
                name: "idempotency_record",
                columns: table => new
                {
                    key = table.Column<string>(type: "character varying(64)", maxLength: 64, nullable: false, collation: "C"),
                    request_hash = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    status = table.Column<int>(type: "integer", nullable: true),
                    sealed_body = table.Column<byte[]>(type: "bytea", nullable: true),
                    created_at = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_idempotency_record", x => x.key);
                });

            migrationBuilder.CreateTable(
                name: "installation",
                columns: table => new
                {
                    id = table.Column<byte[]>(type: "bytea", nullable: false),
                    created_at = table.Column<long>(type: "bigint", nullable: false),
                    stamp = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_installation", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "invitation",
                columns: table => new
                {
                    id = table.Column<byte[]>(type: "bytea", nullable: false),
                    email = table.Column<string>(type: "character varying(256)", maxLength: 256, nullable: false, collation: "C"),
                    organization_role = table.Column<int>(type: "integer", nullable: false),
                    workspace_id = table.Column<byte[]>(type: "bytea", nullable: true),
                    role = table.Column<int>(type: "integer", nullable: true),
                    token_hash = table.Column<byte[]>(type: "bytea", nullable: false),
                    invited_by = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    expires_at = table.Column<long>(type: "bigint", nullable: false),
                    accepted_at = table.Column<long>(type: "bigint", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_invitation", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "job_run",
                columns: table => new
                {
                    id = table.Column<byte[]>(type: "bytea", nullable: false),
                    name = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    started_at = table.Column<long>(type: "bigint", nullable: false),
                    finished_at = table.Column<long>(type: "bigint", nullable: true),
                    items = table.Column<int>(type: "integer", nullable: false),
                    error = table.Column<string>(type: "text", nullable: true, collation: "C")
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_job_run", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "key_generation",
                columns: table => new
                {
                    generation = table.Column<int>(type: "integer", nullable: false),
                    installation_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    root_id = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    wrapped_by_root = table.Column<byte[]>(type: "bytea", nullable: false),
                    wrapped_by_recovery = table.Column<byte[]>(type: "bytea", nullable: true),
                    check_value = table.Column<byte[]>(type: "bytea", nullable: false),
                    created_at = table.Column<long>(type: "bigint", nullable: false),
                    recovery_confirmed = table.Column<bool>(type: "boolean", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_key_generation", x => x.generation);
                });

            migrationBuilder.CreateTable(
                name: "key_ring_entry",
                columns: table => new
                {
                    id = table.Column<byte[]>(type: "bytea", nullable: false),
                    @sealed = table.Column<byte[]>(name: "sealed", type: "bytea", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_key_ring_entry", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "notification",
                columns: table => new
                {
                    id = table.Column<byte[]>(type: "bytea", nullable: false),
                    workspace_id = table.Column<byte[]>(type: "bytea", nullable: true),
                    kind = table.Column<int>(type: "integer", nullable: false),
                    key = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: false, collation: "C"),
                    credential_id = table.Column<byte[]>(type: "bytea", nullable: true),
                    title = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    body = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    url = table.Column<string>(type: "text", nullable: true, collation: "C"),
                    created_at = table.Column<long>(type: "bigint", nullable: false),
                    acknowledged_at = table.Column<long>(type: "bigint", nullable: true),
                    acknowledged_by = table.Column<string>(type: "text", nullable: true, collation: "C")
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_notification", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "staged_value",
                columns: table => new
                {
                    id = table.Column<byte[]>(type: "bytea", nullable: false),
                    user_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    @sealed = table.Column<byte[]>(name: "sealed", type: "bytea", nullable: false),
                    expires_at = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_staged_value", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "usage_hour",
                columns: table => new
                {
                    credential_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    hour = table.Column<int>(type: "integer", nullable: false),
                    version = table.Column<int>(type: "integer", nullable: false),
                    calls = table.Column<long>(type: "bigint", nullable: false),
                    errors = table.Column<long>(type: "bigint", nullable: false),
                    key_errors = table.Column<long>(type: "bigint", nullable: false),
                    duration_us = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_usage_hour", x => new { x.credential_id, x.hour, x.version });
                });

            migrationBuilder.CreateTable(
                name: "usage_source",
                columns: table => new
                {
                    credential_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    day = table.Column<int>(type: "integer", nullable: false),
                    source = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    calls = table.Column<long>(type: "bigint", nullable: false),
                    errors = table.Column<long>(type: "bigint", nullable: false),
                    last_at = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_usage_source", x => new { x.credential_id, x.day, x.source });
                });

            migrationBuilder.CreateTable(
                name: "workspace",
                columns: table => new
                {
                    id = table.Column<byte[]>(type: "bytea", nullable: false),
                    slug = table.Column<string>(type: "character varying(64)", maxLength: 64, nullable: false, collation: "C"),
                    name = table.Column<string>(type: "character varying(120)", maxLength: 120, nullable: false, collation: "C"),
                    is_demo = table.Column<bool>(type: "boolean", nullable: false),
                    created_at = table.Column<long>(type: "bigint", nullable: false),
                    stamp = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_workspace", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "identity_user_claim",
                columns: table => new
                {
                    id = table.Column<int>(type: "integer", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                    user_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    claim_type = table.Column<string>(type: "text", nullable: true, collation: "C"),
                    claim_value = table.Column<string>(type: "text", nullable: true, collation: "C")
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_identity_user_claim", x => x.id);
                    table.ForeignKey(
                        name: "FK_identity_user_claim_admin_user_user_id",
                        column: x => x.user_id,
                        principalTable: "admin_user",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "identity_user_login",
                columns: table => new
                {
                    login_provider = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    provider_key = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    provider_display_name = table.Column<string>(type: "text", nullable: true, collation: "C"),
                    user_id = table.Column<byte[]>(type: "bytea", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_identity_user_login", x => new { x.login_provider, x.provider_key });
                    table.ForeignKey(
                        name: "FK_identity_user_login_admin_user_user_id",
                        column: x => x.user_id,
                        principalTable: "admin_user",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "identity_user_token",
                columns: table => new
                {
                    user_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    login_provider = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    name = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    value = table.Column<string>(type: "text", nullable: true, collation: "C")
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_identity_user_token", x => new { x.user_id, x.login_provider, x.name });
                    table.ForeignKey(
                        name: "FK_identity_user_token_admin_user_user_id",
                        column: x => x.user_id,
                        principalTable: "admin_user",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "consumer",
                columns: table => new
                {
                    id = table.Column<byte[]>(type: "bytea", nullable: false),
                    workspace_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    kind = table.Column<int>(type: "integer", nullable: false),
                    name = table.Column<string>(type: "character varying(64)", maxLength: 64, nullable: false, collation: "C"),
                    description = table.Column<string>(type: "character varying(2000)", maxLength: 2000, nullable: true, collation: "C"),
                    config = table.Column<string>(type: "text", nullable: true, collation: "C"),
                    created_at = table.Column<long>(type: "bigint", nullable: false),
                    updated_at = table.Column<long>(type: "bigint", nullable: false),
                    deleted_at = table.Column<long>(type: "bigint", nullable: true),
                    revision = table.Column<int>(type: "integer", nullable: false),
                    policy_mac = table.Column<byte[]>(type: "bytea", nullable: false),
                    stamp = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_consumer", x => x.id);
                    table.ForeignKey(
                        name: "FK_consumer_workspace_workspace_id",
                        column: x => x.workspace_id,
                        principalTable: "workspace",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "credential",
                columns: table => new
                {
                    id = table.Column<byte[]>(type: "bytea", nullable: false),
                    workspace_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    name = table.Column<string>(type: "character varying(64)", maxLength: 64, nullable: false, collation: "C"),
                    type = table.Column<int>(type: "integer", nullable: false),
                    description = table.Column<string>(type: "character varying(2000)", maxLength: 2000, nullable: true, collation: "C"),
                    provider = table.Column<string>(type: "character varying(64)", maxLength: 64, nullable: true, collation: "C"),
                    owner_id = table.Column<byte[]>(type: "bytea", nullable: true),
                    expires_at = table.Column<long>(type: "bigint", nullable: true),
                    created_at = table.Column<long>(type: "bigint", nullable: false),
                    archived_at = table.Column<long>(type: "bigint", nullable: true),
                    allowed_hosts = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    policy_version = table.Column<int>(type: "integer", nullable: false),
                    policy_mac = table.Column<byte[]>(type: "bytea", nullable: false),
                    active_version = table.Column<int>(type: "integer", nullable: true),
                    revision = table.Column<int>(type: "integer", nullable: false),
                    stamp = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_credential", x => x.id);
                    table.ForeignKey(
                        name: "FK_credential_workspace_workspace_id",
                        column: x => x.workspace_id,
                        principalTable: "workspace",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "membership",
                columns: table => new
                {
                    workspace_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    user_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    role = table.Column<int>(type: "integer", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_membership", x => new { x.workspace_id, x.user_id });
                    table.ForeignKey(
                        name: "FK_membership_admin_user_user_id",
                        column: x => x.user_id,
                        principalTable: "admin_user",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                    table.ForeignKey(
                        name: "FK_membership_workspace_workspace_id",
                        column: x => x.workspace_id,
                        principalTable: "workspace",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "consumer_link",
                columns: table => new
                {
                    from_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    to_id = table.Column<byte[]>(type: "bytea", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_consumer_link", x => new { x.from_id, x.to_id });
                    table.ForeignKey(
                        name: "FK_consumer_link_consumer_from_id",
                        column: x => x.from_id,
                        principalTable: "consumer",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                    table.ForeignKey(
                        name: "FK_consumer_link_consumer_to_id",
                        column: x => x.to_id,
                        principalTable: "consumer",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "reference",
                columns: table => new
                {
                    tool_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    credential_name = table.Column<string>(type: "character varying(64)", maxLength: 64, nullable: false, collation: "C"),
                    place = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: false, collation: "C"),
                    workspace_id = table.Column<byte[]>(type: "bytea", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_reference", x => new { x.tool_id, x.credential_name, x.place });
                    table.ForeignKey(
                        name: "FK_reference_consumer_tool_id",
                        column: x => x.tool_id,
                        principalTable: "consumer",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "credential_version",
                columns: table => new
                {
                    id = table.Column<byte[]>(type: "bytea", nullable: false),
                    credential_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    number = table.Column<int>(type: "integer", nullable: false),
                    state = table.Column<int>(type: "integer", nullable: false),
                    wrapped_key = table.Column<byte[]>(type: "bytea", nullable: true),
                    fingerprint = table.Column<string>(type: "character varying(64)", maxLength: 64, nullable: false, collation: "C"),
                    created_at = table.Column<long>(type: "bigint", nullable: false),
                    created_by = table.Column<string>(type: "character varying(256)", maxLength: 256, nullable: false, collation: "C"),
                    activated_at = table.Column<long>(type: "bigint", nullable: true),
                    retiring_at = table.Column<long>(type: "bigint", nullable: true),
                    retired_at = table.Column<long>(type: "bigint", nullable: true),
                    verified = table.Column<int>(type: "integer", nullable: true),
                    verified_at = table.Column<long>(type: "bigint", nullable: true),
                    verify_note = table.Column<string>(type: "character varying(400)", maxLength: 400, nullable: true, collation: "C")
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_credential_version", x => x.id);
                    table.ForeignKey(
                        name: "FK_credential_version_credential_credential_id",
                        column: x => x.credential_id,
                        principalTable: "credential",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "rotation",
                columns: table => new
                {
                    id = table.Column<byte[]>(type: "bytea", nullable: false),
                    credential_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    workspace_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    pending_version = table.Column<int>(type: "integer", nullable: false),
                    old_version = table.Column<int>(type: "integer", nullable: true),
                    state = table.Column<int>(type: "integer", nullable: false),
                    skip_verify = table.Column<bool>(type: "boolean", nullable: false),
                    skip_verify_reason = table.Column<string>(type: "text", nullable: true, collation: "C"),
                    started_by = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    started_at = table.Column<long>(type: "bigint", nullable: false),
                    promoted_by = table.Column<string>(type: "text", nullable: true, collation: "C"),
                    promoted_at = table.Column<long>(type: "bigint", nullable: true),
                    retire_at = table.Column<long>(type: "bigint", nullable: true),
                    ended_at = table.Column<long>(type: "bigint", nullable: true),
                    last_holds = table.Column<string>(type: "text", nullable: true, collation: "C"),
                    held_notified_at = table.Column<long>(type: "bigint", nullable: true),
                    revision = table.Column<int>(type: "integer", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_rotation", x => x.id);
                    table.ForeignKey(
                        name: "FK_rotation_credential_credential_id",
                        column: x => x.credential_id,
                        principalTable: "credential",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "scope_member",
                columns: table => new
                {
                    credential_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    consumer_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    kind = table.Column<int>(type: "integer", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_scope_member", x => new { x.credential_id, x.consumer_id });
                    table.ForeignKey(
                        name: "FK_scope_member_consumer_consumer_id",
                        column: x => x.consumer_id,
                        principalTable: "consumer",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                    table.ForeignKey(
                        name: "FK_scope_member_credential_credential_id",
                        column: x => x.credential_id,
                        principalTable: "credential",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "sealed_field",
                columns: table => new
                {
                    version_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    name = table.Column<string>(type: "character varying(32)", maxLength: 32, nullable: false, collation: "C"),
                    bytes = table.Column<byte[]>(type: "bytea", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_sealed_field", x => new { x.version_id, x.name });
                    table.ForeignKey(
                        name: "FK_sealed_field_credential_version_version_id",
                        column: x => x.version_id,
                        principalTable: "credential_version",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "ix_admin_user_normalized_email",
                table: "admin_user",
                column: "normalized_email");

            migrationBuilder.CreateIndex(
                name: "ix_admin_user_normalized_user_name",
                table: "admin_user",
                column: "normalized_user_name",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_api_key_public_id",
                table: "api_key",
                column: "public_id",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_api_key_stamp",
                table: "api_key",
                column: "stamp");

            migrationBuilder.CreateIndex(
                name: "ix_audit_event_credential_id_seq",
                table: "audit_event",
                columns: new[] { "credential_id", "seq" });

            migrationBuilder.CreateIndex(
                name: "ix_audit_event_subject_id_policy_version",
                table: "audit_event",
                columns: new[] { "subject_id", "policy_version" });

            migrationBuilder.CreateIndex(
                name: "ix_audit_event_workspace_id_seq",
                table: "audit_event",
                columns: new[] { "workspace_id", "seq" });

            migrationBuilder.CreateIndex(
                name: "ix_call_completion_lane_position",
                table: "call_completion",
                columns: new[] { "lane", "position" });

            migrationBuilder.CreateIndex(
                name: "ix_call_record_credential_id_seq",
                table: "call_record",
                columns: new[] { "credential_id", "seq" });

            migrationBuilder.CreateIndex(
                name: "ix_call_record_lane_position",
                table: "call_record",
                columns: new[] { "lane", "position" });

            migrationBuilder.CreateIndex(
                name: "ix_call_record_refused_seq",
                table: "call_record",
                columns: new[] { "refused", "seq" },
                filter: "refused");

            migrationBuilder.CreateIndex(
                name: "ix_call_record_workspace_id_seq",
                table: "call_record",
                columns: new[] { "workspace_id", "seq" });

            migrationBuilder.CreateIndex(
                name: "ix_consumer_stamp",
                table: "consumer",
                column: "stamp");

            migrationBuilder.CreateIndex(
                name: "ix_consumer_workspace_id_kind_name",
                table: "consumer",
                columns: new[] { "workspace_id", "kind", "name" },
                unique: true,
                filter: "deleted_at IS NULL");

            migrationBuilder.CreateIndex(
                name: "ix_consumer_link_to_id",
                table: "consumer_link",
                column: "to_id");

            migrationBuilder.CreateIndex(
                name: "ix_credential_expires_at",
                table: "credential",
                column: "expires_at");

            migrationBuilder.CreateIndex(
                name: "ix_credential_stamp",
                table: "credential",
                column: "stamp");

            migrationBuilder.CreateIndex(
                name: "ix_credential_workspace_id_name",
                table: "credential",
                columns: new[] { "workspace_id", "name" },
                unique: true,
                filter: "archived_at IS NULL");

            migrationBuilder.CreateIndex(
                name: "ix_credential_version_credential_id_number",
                table: "credential_version",
                columns: new[] { "credential_id", "number" },
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_credential_version_credential_id_state",
                table: "credential_version",
                columns: new[] { "credential_id", "state" },
                unique: true,
                filter: "state IN (0, 1, 2)");

            migrationBuilder.CreateIndex(
                name: "ix_credential_version_fingerprint",
                table: "credential_version",
                column: "fingerprint");

            migrationBuilder.CreateIndex(
                name: "ix_idempotency_record_created_at",
                table: "idempotency_record",
                column: "created_at");

            migrationBuilder.CreateIndex(
                name: "ix_identity_user_claim_user_id",
                table: "identity_user_claim",
                column: "user_id");

            migrationBuilder.CreateIndex(
                name: "ix_identity_user_login_user_id",
                table: "identity_user_login",
                column: "user_id");

            migrationBuilder.CreateIndex(
                name: "ix_invitation_token_hash",
                table: "invitation",
                column: "token_hash",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_job_run_name_started_at",
                table: "job_run",
                columns: new[] { "name", "started_at" });

            migrationBuilder.CreateIndex(
                name: "ix_membership_user_id",
                table: "membership",
                column: "user_id");

            migrationBuilder.CreateIndex(
                name: "ix_notification_key",
                table: "notification",
                column: "key",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_notification_workspace_id_acknowledged_at",
                table: "notification",
                columns: new[] { "workspace_id", "acknowledged_at" });

            migrationBuilder.CreateIndex(
                name: "ix_reference_workspace_id_credential_name",
                table: "reference",
                columns: new[] { "workspace_id", "credential_name" });

            migrationBuilder.CreateIndex(
                name: "ix_rotation_credential_id",
                table: "rotation",
                column: "credential_id",
                unique: true,
                filter: "state IN (0, 1)");

            migrationBuilder.CreateIndex(
                name: "ix_rotation_state_retire_at",
                table: "rotation",
                columns: new[] { "state", "retire_at" });

            migrationBuilder.CreateIndex(
                name: "ix_rotation_workspace_id",
                table: "rotation",
                column: "workspace_id");

            migrationBuilder.CreateIndex(
                name: "ix_scope_member_consumer_id",
                table: "scope_member",
                column: "consumer_id");

            migrationBuilder.CreateIndex(
                name: "ix_staged_value_expires_at",
                table: "staged_value",
                column: "expires_at");

            migrationBuilder.CreateIndex(
                name: "ix_workspace_slug",
                table: "workspace",
                column: "slug",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_workspace_stamp",
                table: "workspace",
                column: "stamp");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "api_key");

            migrationBuilder.DropTable(
                name: "audit_event");

            migrationBuilder.DropTable(
                name: "call_completion");

            migrationBuilder.DropTable(
                name: "call_record");

            migrationBuilder.DropTable(
                name: "chain_head");

            migrationBuilder.DropTable(
                name: "consumer_link");

            migrationBuilder.DropTable(
                name: "credential_use");

            migrationBuilder.DropTable(
                name: "idempotency_record");

            migrationBuilder.DropTable(
                name: "identity_user_claim");

            migrationBuilder.DropTable(
                name: "identity_user_login");

            migrationBuilder.DropTable(
                name: "identity_user_token");

            migrationBuilder.DropTable(
                name: "installation");

            migrationBuilder.DropTable(
                name: "invitation");

            migrationBuilder.DropTable(
                name: "job_run");

            migrationBuilder.DropTable(
                name: "key_generation");

            migrationBuilder.DropTable(
                name: "key_ring_entry");

            migrationBuilder.DropTable(
                name: "membership");

            migrationBuilder.DropTable(
                name: "notification");

            migrationBuilder.DropTable(
                name: "reference");

            migrationBuilder.DropTable(
                name: "rotation");

            migrationBuilder.DropTable(
                name: "scope_member");

            migrationBuilder.DropTable(
                name: "sealed_field");

            migrationBuilder.DropTable(
                name: "staged_value");

            migrationBuilder.DropTable(
                name: "usage_hour");

            migrationBuilder.DropTable(
                name: "usage_source");

            migrationBuilder.DropTable(
                name: "admin_user");

            migrationBuilder.DropTable(
                name: "consumer");

            migrationBuilder.DropTable(
                name: "credential_version");

            migrationBuilder.DropTable(
                name: "credential");

            migrationBuilder.DropTable(
                name: "workspace");
        }
    }
}
