using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Evose.Admin.Platform.Data.Migrations.Postgres
{
    /// <inheritdoc />
    public partial class TokensAndProviders : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "connect_attempt",
                columns: table => new
                {
                    id = table.Column<byte[]>(type: "bytea", nullable: false),
                    credential_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    user_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    state_hash = table.Column<byte[]>(type: "bytea", nullable: false),
                    browser_hash = table.Column<byte[]>(type: "bytea", nullable: false),
                    sealed_verifier = table.Column<byte[]>(type: "bytea", nullable: false),
                    redirect_uri = table.Column<string>(type: "character varying(2048)", maxLength: 2048, nullable: false, collation: "C"),
                    expires_at = table.Column<long>(type: "bigint", nullable: false),
                    used_at = table.Column<long>(type: "bigint", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_connect_attempt", x => x.id);
                    table.ForeignKey(
                        name: "FK_connect_attempt_credential_credential_id",
                        column: x => x.credential_id,
                        principalTable: "credential",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "own_provider",
                columns: table => new
                {
                    id = table.Column<byte[]>(type: "bytea", nullable: false),
                    slug = table.Column<string>(type: "character varying(40)", maxLength: 40, nullable: false, collation: "C"),
                    record = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    revision = table.Column<int>(type: "integer", nullable: false),
                    mac = table.Column<byte[]>(type: "bytea", nullable: false),
                    changed_at = table.Column<long>(type: "bigint", nullable: false),
                    changed_by = table.Column<string>(type: "character varying(256)", maxLength: 256, nullable: false, collation: "C")
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_own_provider", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "token_grant",
                columns: table => new
                {
                    credential_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    id = table.Column<byte[]>(type: "bytea", nullable: false),
                    workspace_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    sealed_app = table.Column<byte[]>(type: "bytea", nullable: true),
                    sealed_secret = table.Column<byte[]>(type: "bytea", nullable: true),
                    authorized_by_id = table.Column<byte[]>(type: "bytea", nullable: true),
                    authorized_by = table.Column<string>(type: "character varying(256)", maxLength: 256, nullable: true, collation: "C"),
                    authorized_at = table.Column<long>(type: "bigint", nullable: true),
                    granted_scopes = table.Column<string>(type: "character varying(2000)", maxLength: 2000, nullable: true, collation: "C"),
                    refresh_at = table.Column<long>(type: "bigint", nullable: true),
                    refreshed_at = table.Column<long>(type: "bigint", nullable: true),
                    refresh_token_ends_at = table.Column<long>(type: "bigint", nullable: true),
                    lease_owner = table.Column<byte[]>(type: "bytea", nullable: true),
                    lease_until = table.Column<long>(type: "bigint", nullable: true),
                    sent_version = table.Column<int>(type: "integer", nullable: true),
                    failures = table.Column<int>(type: "integer", nullable: false),
                    not_before = table.Column<long>(type: "bigint", nullable: true),
                    last_fault = table.Column<int>(type: "integer", nullable: true),
                    last_fault_code = table.Column<string>(type: "character varying(64)", maxLength: 64, nullable: true, collation: "C"),
                    last_fault_at = table.Column<long>(type: "bigint", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_token_grant", x => x.credential_id);
                    table.ForeignKey(
                        name: "FK_token_grant_credential_credential_id",
                        column: x => x.credential_id,
                        principalTable: "credential",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "ix_connect_attempt_credential_id",
                table: "connect_attempt",
                column: "credential_id");

            migrationBuilder.CreateIndex(
                name: "ix_connect_attempt_expires_at",
                table: "connect_attempt",
                column: "expires_at");

            migrationBuilder.CreateIndex(
                name: "ix_connect_attempt_state_hash",
                table: "connect_attempt",
                column: "state_hash",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_own_provider_slug",
                table: "own_provider",
                column: "slug",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_token_grant_authorized_by_id",
                table: "token_grant",
                column: "authorized_by_id");

            migrationBuilder.CreateIndex(
                name: "ix_token_grant_refresh_at",
                table: "token_grant",
                column: "refresh_at");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "connect_attempt");

            migrationBuilder.DropTable(
                name: "own_provider");

            migrationBuilder.DropTable(
                name: "token_grant");
        }
    }
}
