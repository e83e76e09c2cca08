using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Evose.Admin.Platform.Data.Migrations.Postgres
{
    /// <inheritdoc />
    public partial class SumsByTime : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropPrimaryKey(
                name: "PK_usage_hour",
                table: "usage_hour");

            migrationBuilder.DropPrimaryKey(
                name: "PK_usage_day",
                table: "usage_day");

            migrationBuilder.AddPrimaryKey(
                name: "PK_usage_hour",
                table: "usage_hour",
                columns: new[] { "hour", "credential_id", "version" });

            migrationBuilder.AddPrimaryKey(
                name: "PK_usage_day",
                table: "usage_day",
                columns: new[] { "day", "credential_id", "version" });
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropPrimaryKey(
                name: "PK_usage_hour",
                table: "usage_hour");

            migrationBuilder.DropPrimaryKey(
                name: "PK_usage_day",
                table: "usage_day");

            migrationBuilder.AddPrimaryKey(
                name: "PK_usage_hour",
                table: "usage_hour",
                columns: new[] { "credential_id", "hour", "version" });

            migrationBuilder.AddPrimaryKey(
                name: "PK_usage_day",
                table: "usage_day",
                columns: new[] { "credential_id", "day", "version" });
        }
    }
}
