namespace Evose.Admin.Domain;

/// <summary>
/// A row that decides what the data plane may do. Every change of such a row takes the installation's next stamp in the same transaction;
/// a call that was decided at an older stamp is decided again before it is recorded, so each revocation is exact.
/// </summary>
public interface ICataloged
{
    /// <summary>The installation's stamp when this row last changed; set on save.</summary>
    long Stamp { get; set; }
}
