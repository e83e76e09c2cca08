using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Evose.Admin.Platform.Data.Migrations.Sqlite
{
    /// <inheritdoc />
    public partial class SumsByTime : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            // Written in the order of time; without a row number each row is stored once.
            migrationBuilder.Sql("""
                ALTER TABLE usage_hour RENAME TO usage_hour_old;
                CREATE TABLE usage_hour (credential_id BLOB NOT NULL, hour INTEGER NOT NULL, version INTEGER NOT NULL, calls INTEGER NOT NULL, errors INTEGER NOT NULL, key_errors INTEGER NOT NULL, duration_us INTEGER NOT NULL,
                    CONSTRAINT "PK_usage_hour" PRIMARY KEY (hour, credential_id, version)) WITHOUT ROWID;
                INSERT INTO usage_hour (credential_id, hour, version, calls, errors, key_errors, duration_us) SELECT credential_id, hour, version, calls, errors, key_errors, duration_us FROM usage_hour_old ORDER BY hour, credential_id, version;
                DROP TABLE usage_hour_old;
                ALTER TABLE usage_day RENAME TO usage_day_old;
                CREATE TABLE usage_day (credential_id BLOB NOT NULL, day INTEGER NOT NULL, version INTEGER NOT NULL, calls INTEGER NOT NULL, errors INTEGER NOT NULL, key_errors INTEGER NOT NULL, duration_us INTEGER NOT NULL,
                    CONSTRAINT "PK_usage_day" PRIMARY KEY (day, credential_id, version)) WITHOUT ROWID;
                INSERT INTO usage_day (credential_id, day, version, calls, errors, key_errors, duration_us) SELECT credential_id, day, version, calls, errors, key_errors, duration_us FROM usage_day_old ORDER BY day, credential_id, version;
                DROP TABLE usage_day_old;
                """);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            // Written in the order of time; without a row number each row is stored once.
            migrationBuilder.Sql("""
                ALTER TABLE usage_hour RENAME TO usage_hour_old;
                CREATE TABLE usage_hour (credential_id BLOB NOT NULL, hour INTEGER NOT NULL, version INTEGER NOT NULL, calls INTEGER NOT NULL, errors INTEGER NOT NULL, key_errors INTEGER NOT NULL, duration_us INTEGER NOT NULL,
                    CONSTRAINT "PK_usage_hour" PRIMARY KEY (credential_id, hour, version)) WITHOUT ROWID;
                INSERT INTO usage_hour (credential_id, hour, version, calls, errors, key_errors, duration_us) SELECT credential_id, hour, version, calls, errors, key_errors, duration_us FROM usage_hour_old ORDER BY credential_id, hour, version;
                DROP TABLE usage_hour_old;
                ALTER TABLE usage_day RENAME TO usage_day_old;
                CREATE TABLE usage_day (credential_id BLOB NOT NULL, day INTEGER NOT NULL, version INTEGER NOT NULL, calls INTEGER NOT NULL, errors INTEGER NOT NULL, key_errors INTEGER NOT NULL, duration_us INTEGER NOT NULL,
                    CONSTRAINT "PK_usage_day" PRIMARY KEY (credential_id, day, version)) WITHOUT ROWID;
                INSERT INTO usage_day (credential_id, day, version, calls, errors, key_errors, duration_us) SELECT credential_id, day, version, calls, errors, key_errors, duration_us FROM usage_day_old ORDER BY credential_id, day, version;
                DROP TABLE usage_day_old;
                """);
        }
    }
}
