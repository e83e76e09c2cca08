using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Evose.Admin.Platform.Data.Migrations.Postgres
{
    /// <inheritdoc />
    public partial class OrganizationCredentials : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "credential_grant",
                columns: table => new
                {
                    credential_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    workspace_id = table.Column<byte[]>(type: "bytea", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_credential_grant", x => new { x.credential_id, x.workspace_id });
                    table.ForeignKey(
                        name: "FK_credential_grant_credential_credential_id",
                        column: x => x.credential_id,
                        principalTable: "credential",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                    table.ForeignKey(
                        name: "FK_credential_grant_workspace_workspace_id",
                        column: x => x.workspace_id,
                        principalTable: "workspace",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.InsertData(
                table: "workspace",
                columns: new[] { "id", "created_at", "is_demo", "name", "slug", "stamp" },
                values: new object[] { new byte[] { 15, 0, 0, 0, 0, 0, 112, 0, 128, 0, 0, 0, 0, 0, 0, 111 }, 621355968000000000L, false, "Organization", "org", 0L });

            migrationBuilder.CreateIndex(
                name: "ix_credential_grant_workspace_id",
                table: "credential_grant",
                column: "workspace_id");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "credential_grant");

            migrationBuilder.DeleteData(
                table: "workspace",
                keyColumn: "id",
                keyValue: new byte[] { 15, 0, 0, 0, 0, 0, 112, 0, 128, 0, 0, 0, 0, 0, 0, 111 });
        }
    }
}
